#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/group_key.h"
#include "model/target_group.h"

namespace target_eye {

// The store's counter. 0 is a store that has never been written; every commit makes it rise.
using Revision = std::int64_t;

// One group as it is kept. Never changed once it is made; readers share it.
struct StoredGroup {
  GroupKey key;
  TargetGroup group;
  // EncodeGroup(group): made once, served and published as it is.
  std::string json;
  // The commit that made it so.
  Revision revision = 0;
  // Who asked for it, as far as is known (an address), and when, in milliseconds since 1970.
  std::string changed_by;
  std::int64_t changed_at_ms = 0;
};
using StoredGroupPtr = std::shared_ptr<const StoredGroup>;

// One group at one revision; `group` is null if it was removed.
struct Change {
  GroupKey key;
  Revision revision = 0;
  StoredGroupPtr group;
};

// Every group at one revision, ordered by key.
struct Snapshot {
  Revision revision = 0;
  std::vector<StoredGroupPtr> groups;
};

// One group to write, or to remove if `group` is absent. `expected_revision` is the revision of the
// group that the writer saw, 0 if it saw none.
struct GroupWrite {
  GroupKey key;
  std::optional<TargetGroup> group;
  Revision expected_revision = 0;
  std::string changed_by;
  std::int64_t changed_at_ms = 0;
};

// Keeps groups durably and tells of changes: what every backend must do, and no rule of the API.
// The suite StoreContractTest is this contract as tests; every backend passes it.
//
// Threads: Open, Reopen, Check, Commit and Close are called by one thread at a time, each call
// ending before the next begins. The sink is called from inside Commit or from a thread of the
// store's own, never by two at once.
class Store {
 public:
  // Takes changes, all of one revision, after they are durable. Every change after the snapshot
  // that Open returned comes exactly once, whoever made it, and revisions only rise.
  using ChangeSink = std::function<void(Revision revision, std::vector<Change> changes)>;

  virtual ~Store() = default;

  // Opens, creating what is missing, and returns all groups at some revision R; the sink is told of
  // everything after R. May be called again after Close. Errors: kInUse, kDamaged, kTooNew, kIo,
  // each with what to do; nothing is overwritten then.
  virtual Expected<Snapshot> Open(ChangeSink sink) = 0;

  // Opens again what was open, after kUncertain or kDamaged; called again until it succeeds.
  // `believed` is every group as the sink was told, at the last revision that it was told of.
  //   - What is kept is that, or that and the one commit that was uncertain: returns what is kept.
  //   - Nothing is kept any more, in the place where everything was: writes `believed` there, and
  //     returns it, with `made_whole`.
  //   - Anything else: kDamaged, or an error as of Open, each with what was found and what to do.
  //     Nothing is overwritten, and somebody else's state is not taken for ours.
  struct Reopened {
    Snapshot snapshot;
    bool made_whole = false;
  };
  virtual Expected<Reopened> Reopen(const Snapshot& believed, ChangeSink sink) = 0;

  // Looks whether what was committed is still where the next start would find it and, after a
  // Commit that failed with kUnavailable, whether writing works again. Errors as of Commit.
  virtual Expected<void> Check() = 0;

  // Writes all of `writes` as one revision, or none. No key may be in it twice. On success every
  // write is durable (it survives kill -9 and power loss) and the sink has been told.
  //   kConflict     an expected revision was not the current one: nothing was written, and the
  //                 sink has been told, or will be, of what overtook it; evaluate again.
  //   kUnavailable  nothing was written (no room, for one); the store stays open.
  //   kUncertain    it may or may not have been written: Reopen before anything else.
  //   kDamaged      nothing was written, and what was committed before is damaged, or is no longer
  //                 where it was left: Reopen before anything else.
  virtual Expected<Revision> Commit(std::span<const GroupWrite> writes) = 0;

  // Lets go of everything. The sink is not called any more once it has returned.
  virtual void Close() = 0;
};

// The StoredGroup that `write`, which must have a group, makes at `revision`.
StoredGroupPtr MakeStoredGroup(const GroupWrite& write, Revision revision);

}  // namespace target_eye
