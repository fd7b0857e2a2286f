#pragma once

#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "model/selector.h"
#include "store/store.h"

namespace target_eye {

// The groups as one sees them who sees only those that a selector selects: one that stops matching
// is removed, and a change to one that never matched is no change. Keeps the selected groups only
// where labels have a say, since a key matches for ever or never. Not safe for concurrent calls.
class GroupFilter {
 public:
  explicit GroupFilter(Selector selector)
      : selector_(std::move(selector)), looks_at_labels_(selector_.looks_at_labels()) {}

  const Selector& selector() const { return selector_; }

  // The selected ones, in place of all that was known.
  std::vector<StoredGroupPtr> Reset(const std::vector<StoredGroupPtr>& groups);

  // What a change is to such a one: the group, null where it is not there any more, or nothing.
  std::optional<StoredGroupPtr> Apply(const Change& change);

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

  const Selector selector_;
  const bool looks_at_labels_;
  std::unordered_set<StoredGroupPtr, Hash, Equal> selected_;
};

}  // namespace target_eye
