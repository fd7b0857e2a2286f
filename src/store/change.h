#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codec/group_text.h"
#include "model/group_key.h"

namespace target_eye {

// The store's counter: every commit makes it rise. The first one of a new store may be any number,
// and numbers may be missing in between, since what others write to the same place counts, too.
using Revision = std::int64_t;

// Why a group changed. Stores keep the name. An older program refuses a state that holds a name it
// does not know, so a new cause needs a new version of every store's schema.
enum class Cause : std::uint8_t {
  kClient,  // A request.
  kImport,  // Taken over from files at a start.
  kExpiry,  // Its time had run out.
  kUndo,    // An earlier state was brought back.
  kReload,  // A file that was read again says so.
};

// client, import, expiry, undo, reload.
std::string_view CauseName(Cause cause);
// The inverse; nothing for another word.
std::optional<Cause> ParseCause(std::string_view name);

// Who changed a group, when and why.
struct Origin {
  std::string who;           // As far as is known: a client's address, or a file.
  std::int64_t when_ms = 0;  // Milliseconds since 1970, by the clock of whoever wrote it.
  Cause cause = Cause::kClient;

  friend bool operator==(const Origin&, const Origin&) = default;
};

// One group as it is kept, never changed once it is made; readers share it, and so do the answers
// that are being sent.
struct StoredGroup {
  GroupKey key;
  GroupText text;  // The targets and labels.
  // The commit that made it so, and whose that was.
  Revision revision = 0;
  Origin origin;
};
using StoredGroupPtr = std::shared_ptr<const StoredGroup>;

StoredGroupPtr MakeStoredGroup(GroupKey key, GroupText text, Revision revision, Origin origin);

// What one commit did to one group.
struct Change {
  GroupKey key;
  Revision revision = 0;
  StoredGroupPtr after = {};   // Null: it was removed.
  StoredGroupPtr before = {};  // Null: there was none.
  Origin origin = {};          // Of this change, a removal too.
};

// Every group at one revision, ordered by key.
struct Snapshot {
  Revision revision = 0;
  std::vector<StoredGroupPtr> groups;
  // Nothing was ever written to this store.
  bool is_new = false;
};

}  // namespace target_eye
