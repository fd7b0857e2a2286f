#include "store/store.h"

#include "codec/group_json.h"

namespace target_eye {

std::size_t BytesOf(const GroupKeyView& key, const TargetGroup* group, const Origin& origin) {
  return key.application.size() + key.environment.size() + origin.who.size() +
         (group == nullptr ? 0 : EncodedGroupBytes(*group));
}

}  // namespace target_eye
