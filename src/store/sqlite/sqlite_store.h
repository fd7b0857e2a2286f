#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/sqlite/state_database.h"
#include "store/sqlite/state_place.h"
#include "store/store.h"
#include "util/backoff.h"

namespace target_eye {

// The embedded store: one SQLite database, `state.db`, in a directory of its own.
//
// A commit is one transaction in the write-ahead log with synchronous=FULL: one fsync a batch, and
// a batch that was acknowledged survives power loss. This connection is the only one there is (it
// holds the database exclusively, which also keeps SQLite 3.7-3.51's WAL-reset bug away), and
// StatePlace's locks keep a second process out with a message better than SQLite's. So all is told
// from inside of calls, and every Done comes before Commit returns.
//
// What is open is compared with what is at its path before a commit, again before it is
// acknowledged, and once a second: a database that was removed, replaced or covered by a mount
// takes no writes. What is gone is written again from what the sink was told; what is somebody
// else's is not touched.
//
// The database is made as `state.db.new` and renamed when it is whole, so a `state.db` that is
// empty or has no schema is damage, never a first start. One of an older schema is brought to that
// of today when it is opened (StateSchema).
class SqliteStore : public Store {
 public:
  // `directory` is made, with mode 0755, if it is missing; its parent must be there.
  explicit SqliteStore(std::string directory, const Clock& clock = SystemClock());
  ~SqliteStore() override;

  // Whether `directory` has a state that was ever written to. Takes no lock and makes no file, so
  // it may be in use. What cannot be looked at counts as a state.
  static bool HoldsState(const std::string& directory);

  // What Open would say, except of the way to today's schema: a state that is there is not changed.
  // If there is none, one is made as by Open.
  static Expected<void> Try(const std::string& directory);

  Limits limits() const override { return {}; }
  Expected<void> Open(Sink& sink) override;
  void Commit(std::vector<GroupWrite> writes, SteadyTime deadline, Ticket ticket,
              Done done) override;
  std::optional<SteadyTime> Tend(SteadyTime now) override;
  void Close() override;

 private:
  struct Reopened {
    Snapshot snapshot;
    // Nothing was kept any more, and it was written again.
    bool made_whole = false;
  };

  // All of Open except what changes a state that is there.
  Expected<Snapshot> Find();
  // Brings what is open to the schema of today, and notes which files it is in.
  Expected<void> Settle();

  // Opens again what was open. `believed` is what the sink was told.
  //   - What is kept is that, or that and the one commit that was uncertain: returns what is kept.
  //   - Nothing is kept any more, where everything was: writes `believed` there.
  //   - Anything else: kDamaged, or an error as of Open, each with what was found and what to do.
  //     Nothing is overwritten, and what is somebody else's is not taken for ours.
  Expected<Reopened> Reopen(const Snapshot& believed);
  Expected<Reopened> OpenAgain(const Snapshot& believed);
  // The same, and tells the sink; false: it has failed.
  bool GoOn();

  // A log that holds every page of its state shows that state, whatever database lies under it, and
  // the next checkpoint would write it into that database. kDamaged if the database may not be the
  // log's own. Not to be called while the database is open.
  Expected<void> LookUnderLog(const Snapshot& believed);
  bool Continues(const Snapshot& believed, const Snapshot& found) const;
  Error OtherState(const Snapshot& believed, const Snapshot& found) const;
  // Makes `state.db.new` with these groups.
  Expected<void> MakeDatabase(const Snapshot& groups);
  // Renames it to `state.db`; never over an existing one.
  Expected<void> PlaceDatabase();
  // Opens what is at the path, and loads it.
  Expected<Snapshot> OpenAndLoad();

  // Whether commits may begin.
  Expected<void> CheckOpen();
  Expected<std::vector<Written>> WriteAndNote(std::vector<GroupWrite>& writes, Revision revision,
                                              SteadyTime deadline);
  // Whether what was committed is still kept and, after a failure, whether writing works again.
  void Look();
  // After the answers of a commit.
  void KeepLogShort();
  void OnFailure(const Error& error);
  void OnSuccess();

  const Clock& clock_;
  StatePlace place_;
  std::string path_;  // Of the database.
  StateDatabase database_;
  Sink* sink_ = nullptr;  // Null: not open.
  Revision revision_ = 0;
  std::optional<Error> failure_;      // As the sink was told.
  bool is_lost_ = false;              // It must be opened again.
  bool may_have_more_ = false;        // One uncertain commit.
  std::optional<Snapshot> believed_;  // While it is lost.
  Backoff backoff_;
  SteadyTime due_;  // When Tend has something to do.
};

}  // namespace target_eye
