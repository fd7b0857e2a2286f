#include "registry/group_map.h"

#include <algorithm>
#include <utility>

namespace target_eye {

StoredGroupPtr GroupMap::Find(const GroupKeyView& key) const {
  const Shard& shard = ShardOf(key);
  const std::scoped_lock lock(shard.mutex);
  const auto it = shard.groups.find(key);
  return it == shard.groups.end() ? nullptr : *it;
}

void GroupMap::Put(StoredGroupPtr group) {
  const std::size_t targets = group->text.targets();
  StoredGroupPtr replaced;
  {
    Shard& shard = ShardOf(group->key);
    const std::scoped_lock lock(shard.mutex);
    const auto it = shard.groups.find(group);
    if (it == shard.groups.end()) {
      shard.groups.insert(std::move(group));
    } else {
      // In one step under the lock: a reader finds the old or the new, never none.
      auto node = shard.groups.extract(it);
      replaced = std::exchange(node.value(), std::move(group));
      shard.groups.insert(std::move(node));
    }
  }
  targets_ += targets;
  if (replaced) {
    targets_ -= replaced->text.targets();
  } else {
    groups_ += 1;
  }
}

void GroupMap::Remove(const GroupKeyView& key) {
  StoredGroupPtr removed;
  {
    Shard& shard = ShardOf(key);
    const std::scoped_lock lock(shard.mutex);
    const auto it = shard.groups.find(key);
    if (it == shard.groups.end()) {
      return;
    }
    removed = std::move(shard.groups.extract(it).value());
  }
  groups_ -= 1;
  targets_ -= removed->text.targets();
}

void GroupMap::Reset(const std::vector<StoredGroupPtr>& groups) {
  std::array<Groups, kShards> fresh;
  std::size_t targets = 0;
  for (Groups& shard : fresh) shard.reserve(groups.size() / kShards * 9 / 8);
  for (const StoredGroupPtr& group : groups) {
    fresh[IndexOf(group->key)].insert(group);
    targets += group->text.targets();
  }
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::scoped_lock lock(shards_[i].mutex);
    shards_[i].groups.swap(fresh[i]);
  }
  groups_ = groups.size();
  targets_ = targets;
}

std::vector<StoredGroupPtr> GroupMap::Sorted() const {
  std::vector<StoredGroupPtr> all;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    all.insert(all.end(), shard.groups.begin(), shard.groups.end());
  }
  std::ranges::sort(all, [](const StoredGroupPtr& a, const StoredGroupPtr& b) {
    return GroupKeyView(a->key) < GroupKeyView(b->key);
  });
  return all;
}

}  // namespace target_eye
