#include "codec/group_json.h"
#include "store/store.h"

namespace target_eye {

StoredGroupPtr MakeStoredGroup(const GroupWrite& write, Revision revision) {
  auto stored = std::make_shared<StoredGroup>();
  stored->key = write.key;
  stored->group = *write.group;
  stored->json = EncodeGroup(stored->group);
  stored->revision = revision;
  stored->changed_by = write.changed_by;
  stored->changed_at_ms = write.changed_at_ms;
  return stored;
}

}  // namespace target_eye
