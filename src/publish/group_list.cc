#include "publish/group_list.h"

#include <array>

namespace target_eye {

GroupJsonParts EncodeWithMetaLabels(const StoredGroup& group) {
  const std::array labels = {
      ExtraLabel(kMetaApplicationLabel, group.key.application),
      ExtraLabel(kMetaEnvironmentLabel, group.key.environment),
  };
  return EncodeGroupWith(group.group, group.json, labels);
}

}  // namespace target_eye
