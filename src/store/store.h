#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/error.h"
#include "store/change.h"
#include "util/clock.h"

namespace target_eye {

// One group to write, or to remove if `group` is absent.
struct GroupWrite {
  GroupKey key;
  std::optional<GroupText> group;
  // The group that the writer saw; null: none. It is written only if that is still what is there.
  // Its revision is what is compared.
  StoredGroupPtr before;
  Origin origin;
  // 0: this write stands alone. Writes of one commit with the same number are a set: all of them
  // are written, or none.
  int set = 0;
};

// What a write of `group` (null: its removal) counts against Store::Limits::bytes: the texts that a
// store has to keep.
std::size_t BytesOf(const GroupKeyView& key, const GroupText* group, const Origin& origin);

// Keeps groups durably and tells of every change to them, whoever made it: here, or in another
// process that shares the data. Knows no rule of the API.
//
// `store/testing/store_contract.h` is this contract as tests; every backend passes it.
//
// Threads: Open, Commit, Tend and Close are called by one thread at a time, each call ending before
// the next begins. Between a Commit and its Done, no other of them is called. The sink is called,
// one call at a time, from inside of them or on a thread of the store's own.
class Store {
 public:
  // Given to a commit, and handed back with the change that this commit made.
  using Ticket = std::shared_ptr<void>;

  // What one commit may hold, at most; what is more is kInvalid, and nothing of it is written.
  struct Limits {
    std::size_t writes = std::numeric_limits<std::size_t>::max();
    std::size_t bytes = std::numeric_limits<std::size_t>::max();  // BytesOf all writes together.
  };

  // Takes what the store tells. No call may block, or call the store.
  class Sink {
   public:
    virtual ~Sink() = default;

    // All there is, in place of whatever was told before: the first call of all, and again whenever
    // the feed of changes broke or what is kept turned out to be other than what was told.
    virtual void OnSnapshot(Snapshot snapshot) = 0;

    // What one commit changed, when it is durable. Each commit after the snapshot comes exactly
    // once, at rising revisions, whoever made it. `ticket`: the one of the commit if it was made
    // through this store, else null.
    virtual void OnChanges(Revision revision, std::span<const Change> changes,
                           const Ticket& ticket) = 0;

    // Why changes cannot be kept from now on; nothing: they can be, again. kUnavailable: commits
    // may be tried all the same. Any other code: they are refused until this says otherwise. From
    // the first snapshot on they can be kept, if this was not called yet.
    virtual void OnWritable(const std::optional<Error>& failure) = 0;

    // All that was told so far, as one snapshot: for a store that writes again what was lost.
    virtual Snapshot Told() = 0;
  };

  // What became of one write.
  struct Written {
    //   none          it is durable: it survives kill -9 and power loss.
    //   kConflict     the group is no longer what the writer saw (or one of its set is not), and
    //                 nothing was written. Evaluate again on `group`, and not on what the sink was
    //                 told: that may come later.
    //   kInvalid      it is more than the store takes, as the message says; nothing was written.
    //   kUnavailable  nothing was written (no room, or no time left); it may work later.
    //   kDamaged      nothing was written, and the store is lost until OnWritable says otherwise.
    //   kUncertain    it may or may not have been written; OnSnapshot will tell, or has told.
    std::optional<Error> error;
    // The group as it was written; null: it was removed. With kConflict: as it is, null: none.
    StoredGroupPtr group;
  };

  // Called once, after the sink was told of all that was written, on any thread, perhaps before
  // Commit returns. `written` are the results in the order of the writes; `revision` that of the
  // commit, without a meaning if nothing was written. Must not block or call the store.
  using Done = std::move_only_function<void(Revision revision, std::vector<Written> written)>;

  virtual ~Store() = default;

  // Constant.
  virtual Limits limits() const = 0;

  // Opens, creating what is missing. The first snapshot may be told before this returns, or later
  // by a store that has to wait for others. `sink` must live until Close. May be called again after
  // Close. Errors: kInUse, kDamaged, kTooNew, kIo, each with what to do; nothing is overwritten
  // then.
  virtual Expected<void> Open(Sink& sink) = 0;

  // Writes what can be written as one revision. Writes that stand alone do not depend on each
  // other; no key is in it twice. No writes at all are a revision that changes no group, after
  // which the store is not new. If `deadline` has passed before the last step, nothing is written
  // and all is kUnavailable. A store that has to ask others is done by then, with kUncertain if it
  // must. One that writes to a disk may be later: a sync that hangs in the kernel cannot be cut
  // short.
  virtual void Commit(std::vector<GroupWrite> writes, SteadyTime deadline, Ticket ticket,
                      Done done) = 0;

  // Does what is due while nobody commits: looks whether all that was committed is still kept, and
  // goes on after a failure. Returns when to call again, at the latest; nothing: no need to. Cheap
  // if nothing is due, and may be called at any time.
  virtual std::optional<SteadyTime> Tend(SteadyTime now) = 0;

  // Lets go of everything. No call of the sink runs or comes after it returns. A Done that was
  // still owed is called inside.
  virtual void Close() = 0;
};

}  // namespace target_eye
