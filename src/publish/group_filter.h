#pragma once

#include <memory>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "model/selector.h"
#include "store/store.h"

namespace target_eye {

// Shows only the groups that a selector selects: a group that stops matching is removed, and a
// change to one that did not match before or after is dropped. Remembers the selected groups only
// if the selector looks at labels, since whether a key matches never changes. Not safe for
// concurrent calls.
class GroupFilter {
 public:
  explicit GroupFilter(Selector selector)
      : selector_(std::move(selector)), looks_at_labels_(selector_.looks_at_labels()) {}

  const Selector& selector() const { return selector_; }

  // The selected ones of `groups`, which take the place of all that was known.
  std::vector<StoredGroupPtr> Reset(const std::vector<StoredGroupPtr>& groups);

  // What `change` means to whoever sees only the selected groups: the group, null if it is no
  // longer there, or nothing if it is no change.
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
