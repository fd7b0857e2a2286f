#include "store/store.h"

namespace target_eye {

std::size_t BytesOf(const GroupKeyView& key, const GroupText* group, const Origin& origin) {
  return key.application.size() + key.environment.size() + origin.who.size() +
         (group == nullptr ? 0 : group->json().size());
}

}  // namespace target_eye
