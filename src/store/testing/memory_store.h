#pragma once

#include <map>
#include <utility>

#include "store/store.h"

namespace target_eye {

// A Store that keeps its groups in memory, as long as it lives: the naive model that the others are
// compared with, and what tests of the rooms above use. After `Close`, `Open` returns what was
// committed.
class MemoryStore : public Store {
 public:
  Expected<Snapshot> Open(ChangeSink sink) override {
    sink_ = std::move(sink);
    Snapshot snapshot{.revision = revision_, .groups = {}};
    for (const auto& [key, group] : groups_) {
      snapshot.groups.push_back(group);
    }
    return snapshot;
  }

  Expected<Reopened> Reopen(const Snapshot& /*believed*/, ChangeSink sink) override {
    return Reopened{.snapshot = *Open(std::move(sink))};
  }

  Expected<void> Check() override { return {}; }

  Expected<Revision> Commit(std::span<const GroupWrite> writes) override {
    if (!sink_) {
      return MakeError(ErrorCode::kUncertain, "the store is not open");
    }
    for (const GroupWrite& write : writes) {
      const auto it = groups_.find(write.key);
      const Revision current = it == groups_.end() ? 0 : it->second->revision;
      if (current != write.expected_revision || (!write.group && current == 0)) {
        return MakeError(ErrorCode::kConflict, "a group is at another revision");
      }
    }
    ++revision_;
    std::vector<Change> changes;
    for (const GroupWrite& write : writes) {
      StoredGroupPtr group = write.group ? MakeStoredGroup(write, revision_) : nullptr;
      if (group) {
        groups_[write.key] = group;
      } else {
        groups_.erase(write.key);
      }
      changes.push_back({write.key, revision_, std::move(group)});
    }
    sink_(revision_, std::move(changes));
    return revision_;
  }

  void Close() override { sink_ = nullptr; }

 private:
  std::map<GroupKey, StoredGroupPtr> groups_;
  Revision revision_ = 0;
  ChangeSink sink_;
};

}  // namespace target_eye
