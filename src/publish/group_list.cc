#include "publish/group_list.h"

#include <array>

namespace target_eye {

GroupJsonParts EncodeWithMetaLabels(const StoredGroup& group) {
  const std::array labels = {
      ExtraLabel("__meta_target_eye_application", group.key.application),
      ExtraLabel("__meta_target_eye_environment", group.key.environment),
  };
  return EncodeGroupWith(group.group, group.json, labels);
}

}  // namespace target_eye
