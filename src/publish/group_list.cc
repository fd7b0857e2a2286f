#include "publish/group_list.h"

#include <array>

namespace target_eye {

bool IsSelected(const StoredGroup& group, const Selector& selector) {
  LabelReader labels(group.text);
  return selector.Matches(group.key,
                          [&labels](std::string_view name) { return labels.Find(name); });
}

GroupJsonParts EncodeWithMetaLabels(const StoredGroup& group) {
  const std::array labels = {
      ExtraLabel(kMetaApplicationLabel, group.key.application),
      ExtraLabel(kMetaEnvironmentLabel, group.key.environment),
  };
  return JsonWithLabels(group.text, labels);
}

}  // namespace target_eye
