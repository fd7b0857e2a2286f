#include "publish/group_filter.h"

#include <string_view>

#include "publish/group_list.h"

namespace target_eye {

std::vector<StoredGroupPtr> GroupFilter::Reset(const std::vector<StoredGroupPtr>& groups) {
  selected_.clear();
  if (selector_.selects_all()) {
    return groups;
  }
  std::vector<StoredGroupPtr> selected;
  for (const StoredGroupPtr& group : groups) {
    if (IsSelected(*group, selector_)) {
      selected.push_back(group);
    }
  }
  if (looks_at_labels_) {
    selected_.insert(selected.begin(), selected.end());
  }
  return selected;
}

std::optional<StoredGroupPtr> GroupFilter::Apply(const Change& change) {
  if (!looks_at_labels_) {
    if (!selector_.Matches(change.key, [](std::string_view) { return std::string_view(); })) {
      return std::nullopt;
    }
    return change.after;
  }
  const auto known = selected_.find(GroupKeyView(change.key));
  const bool was_selected = known != selected_.end();
  if (was_selected) {
    selected_.erase(known);
  }
  if (change.after && IsSelected(*change.after, selector_)) {
    selected_.insert(change.after);
    return change.after;
  }
  if (was_selected) {
    return StoredGroupPtr();
  }
  return std::nullopt;
}

}  // namespace target_eye
