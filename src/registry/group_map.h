#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "store/store.h"

namespace target_eye {

// The current groups, for many readers and one writer. Each shard has its own lock, held for one
// look-up or one replacement; no I/O happens under it. All methods may be called from any thread.
class GroupMap {
 public:
  // The group, or null.
  StoredGroupPtr Find(const GroupKeyView& key) const;

  void Put(StoredGroupPtr group);
  void Remove(const GroupKeyView& key);

  // Replaces everything. Meanwhile a reader may see some of the old groups and some of the new; a
  // group that is in both is always there.
  void Reset(const std::vector<StoredGroupPtr>& groups);

  // Every group, ordered by key.
  std::vector<StoredGroupPtr> Sorted() const;

  std::size_t groups() const { return groups_.load(std::memory_order_relaxed); }
  std::size_t targets() const { return targets_.load(std::memory_order_relaxed); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const GroupKeyView& key) const { return GroupKeyHash()(key); }
    std::size_t operator()(const StoredGroupPtr& group) const { return GroupKeyHash()(group->key); }
  };
  struct Equal {
    using is_transparent = void;
    static GroupKeyView Key(const StoredGroupPtr& group) { return group->key; }
    static GroupKeyView Key(const GroupKeyView& key) { return key; }
    bool operator()(const auto& a, const auto& b) const { return Key(a) == Key(b); }
  };
  using Groups = std::unordered_set<StoredGroupPtr, Hash, Equal>;
  struct Shard {
    mutable std::mutex mutex;
    Groups groups;
  };

  static constexpr std::size_t kShards = 64;

  static std::size_t IndexOf(const GroupKeyView& key) {
    return (GroupKeyHash()(key) >> 7) % kShards;
  }
  Shard& ShardOf(const GroupKeyView& key) { return shards_[IndexOf(key)]; }
  const Shard& ShardOf(const GroupKeyView& key) const { return shards_[IndexOf(key)]; }

  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> groups_ = 0;
  std::atomic<std::size_t> targets_ = 0;
};

}  // namespace target_eye
