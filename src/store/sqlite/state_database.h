#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/sqlite/sqlite_database.h"
#include "store/store.h"

namespace target_eye {

// One `state.db`, opened: its schema, its groups, and one transaction after another. Which file is
// the right one, and whether it still is, is for SqliteStore to know.
//
// Errors are what is wrong and what to do about it. One thread at a time.
class StateDatabase {
 public:
  // Makes a database with these groups of what is at `path`, an empty file; it is on the disk when
  // this returns. kIo.
  static Expected<void> Make(const std::string& path, const Snapshot& groups);

  // `advice`: what to do about damage.
  explicit StateDatabase(std::string_view advice) : advice_(advice) {}
  void Advise(std::string_view advice) { advice_ = advice; }

  // Opens the database at `path`, checks it, and sets it up. No group in it is changed, and an
  // older schema stays. kDamaged, kTooNew, kIo.
  Expected<void> Open(const std::string& path);
  // The same without its log and for reading only; no file is made or changed.
  Expected<void> OpenAlone(const std::string& path);

  // Everything in it, of whatever version it is.
  Expected<Snapshot> Load();

  // Brings it to the schema of today, after which Write may be called. Returns the version that it
  // had. kIo, or kDamaged if its tables are not those of its schema.
  Expected<std::int64_t> Climb();

  // What can be written of `writes`, in one transaction at `revision`, which then is durable; the
  // results are in their order. No writes at all only try whether it can be written. Errors are for
  // all of `writes`: kUnavailable, kDamaged, kUncertain, as of Store::Written.
  Expected<std::vector<Store::Written>> Write(std::vector<GroupWrite>& writes, Revision revision,
                                              SteadyTime deadline, const Clock& clock);

  // Moves what is in the log to the database, if it can, and empties the log.
  void Checkpoint() { database_.Execute("PRAGMA wal_checkpoint(TRUNCATE)"); }
  // Whether the log is long enough for CheckpointLongLog, which is never done by itself: whoever
  // waits for a commit is not to wait for this too.
  bool is_log_long() const { return database_.log_pages() >= kLongLogPages; }
  // Moves what is in the log to the database, if it can; the log is then written from its start.
  void CheckpointLongLog() { database_.Execute("PRAGMA wal_checkpoint(PASSIVE)"); }
  // Without a checkpoint: what is there is left as it is.
  void Close();
  bool is_open() const { return database_.is_open(); }

  Error Damaged(std::string_view what) const;

 private:
  static constexpr int kLongLogPages = 1000;  // 4 MB, as SQLite itself has it.

  Expected<void> Check();
  Expected<void> SetUp();
  Expected<void> Prepare();
  Expected<StoredGroupPtr> Group(const SqliteStatement& row) const;
  // The group of `write` as it is kept; null: there is none.
  Expected<StoredGroupPtr> Find(const GroupWrite& write);
  Expected<std::set<int>> OvertakenSets(const std::vector<GroupWrite>& writes);
  // Writes `group` (null: nothing) in the place of what the writer saw; false: that is not there.
  Expected<bool> WriteOne(const GroupWrite& write, const StoredGroupPtr& group);
  // Returns how many were written; `written` is filled in.
  Expected<std::size_t> WriteEach(std::vector<GroupWrite>& writes, Revision revision,
                                  std::vector<Store::Written>& written);
  Expected<void> Finish(Revision revision, SteadyTime deadline, const Clock& clock);
  // Takes back what was begun.
  Error TakeBack(Error error);
  // Of a failure before the last step.
  Error CannotWrite(int result) const;
  Error DatabaseError(ErrorCode code, std::string_view doing) const;

  std::string_view advice_;
  std::string path_;
  SqliteDatabase database_;
  std::int64_t version_ = 0;
  SqliteStatement begin_, commit_, rollback_, find_, insert_, update_, remove_, set_revision_;
};

}  // namespace target_eye
