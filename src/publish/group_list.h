#pragma once

#include <set>
#include <string>
#include <string_view>

#include "codec/group_text.h"
#include "model/selector.h"
#include "store/store.h"

namespace target_eye {

// Groups in the order of their keys, none twice.
struct GroupByKey {
  using is_transparent = void;
  static GroupKeyView KeyOf(const StoredGroupPtr& group) { return group->key; }
  static GroupKeyView KeyOf(const GroupKeyView& key) { return key; }
  template <typename A, typename B>
  bool operator()(const A& a, const B& b) const {
    return KeyOf(a) < KeyOf(b);
  }
};
using GroupList = std::set<StoredGroupPtr, GroupByKey>;

// What stands around the groups' JSON in a list, which has one group a line; the same in a file and
// in an answer.
inline constexpr std::string_view kListBegin = "[\n";
inline constexpr std::string_view kListSeparator = ",\n";
inline constexpr std::string_view kListEnd = "\n]\n";
inline constexpr std::string_view kEmptyList = "[]\n";

inline constexpr std::string_view kMetaApplicationLabel = "__meta_target_eye_application";
inline constexpr std::string_view kMetaEnvironmentLabel = "__meta_target_eye_environment";

// Whether `selector` selects it.
bool IsSelected(const StoredGroup& group, const Selector& selector);

// A group's JSON with its key as labels of these names, for relabelling: Prometheus drops labels
// with such names afterwards. They win over labels of the same names that the group has.
GroupJsonParts EncodeWithMetaLabels(const StoredGroup& group);

}  // namespace target_eye
