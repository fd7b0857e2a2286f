#pragma once

#include <span>
#include <string>
#include <string_view>

#include "store/sqlite/sqlite_database.h"
#include "store/sqlite/state_place.h"
#include "store/store.h"

namespace target_eye {

// The embedded store: one SQLite database, `state.db`, in a directory of its own.
//
// A commit is one transaction in the write-ahead log with synchronous=FULL: one fsync a batch, and
// a batch that was acknowledged survives power loss. There is no other connection: this one holds
// the database exclusively, which also avoids the WAL-reset bug of SQLite 3.7 to 3.51. StatePlace's
// locks keep a second process out, with a better message than SQLite's.
//
// Before a commit, and again before it is acknowledged, the open files are compared with those at
// their paths: a database that was removed, replaced or covered by a mount takes no writes.
//
// The database is made as `state.db.new` and renamed when it is whole, so a `state.db` that is
// empty or has no schema is damage, never a first start. The file says whose it is:
// `application_id` is "TEye", `user_version` the schema's number.
class SqliteStore : public Store {
 public:
  static constexpr std::int64_t kApplicationId = 0x54457965;
  static constexpr std::int64_t kSchemaVersion = 1;

  // `directory` is made, with mode 0755, if it is missing; its parent must be there.
  explicit SqliteStore(std::string directory);
  ~SqliteStore() override;

  // Whether `directory` has a state that was ever written to. Takes no lock and makes no file, so
  // it may be in use. What cannot be looked at counts as a state.
  static bool HoldsState(const std::string& directory);

  Expected<Snapshot> Open(ChangeSink sink) override;
  Expected<Reopened> Reopen(const Snapshot& believed, ChangeSink sink) override;
  Expected<void> Check() override;
  Expected<Revision> Commit(std::span<const GroupWrite> writes) override;
  void Close() override;

 private:
  Expected<Reopened> OpenAgain(const Snapshot& believed);
  // A log that holds every page of its state shows that state, whatever database lies under it, and
  // the next checkpoint would write it into that database. kDamaged if the database may not be the
  // log's own. Not to be called while the database is open.
  Expected<void> LookUnderLog(const Snapshot& believed);
  bool Continues(const Snapshot& believed, const Snapshot& found) const;
  Error OtherState(const Snapshot& believed, const Snapshot& found) const;
  // Without a checkpoint: the files stay as they are. The locks are kept.
  void CloseDatabase();
  // Makes `state.db.new` with these groups.
  Expected<void> MakeDatabase(const Snapshot& groups);
  // Renames it to `state.db`; never over an existing one.
  Expected<void> PlaceDatabase();
  Expected<Snapshot> OpenAndLoad();
  Expected<void> OpenDatabase();
  Expected<void> CheckDatabase();
  Expected<Snapshot> Load();
  Expected<void> WriteAndNote(std::span<const Change> changes, std::span<const GroupWrite> writes,
                              Revision revision);
  Expected<void> Write(std::span<const Change> changes, std::span<const GroupWrite> writes,
                       Revision revision);
  Error DatabaseError(ErrorCode code, std::string_view doing) const;
  Error Damaged(std::string_view what) const;

  StatePlace place_;
  std::string path_;  // Of the database.
  SqliteDatabase database_;
  SqliteStatement begin_, commit_, rollback_, insert_, update_, remove_, set_revision_;
  ChangeSink sink_;
  Revision revision_ = 0;
  bool is_running_ = false;     // It was open: what is in memory is the truth.
  bool may_have_more_ = false;  // One uncertain commit.
  bool cannot_write_ = false;   // The last commit was kUnavailable.
};

}  // namespace target_eye
