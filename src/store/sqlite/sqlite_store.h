#pragma once

#include <memory>
#include <string>

#include "store/sqlite/sqlite_database.h"
#include "store/store.h"
#include "util/atomic_file.h"

namespace target_eye {

// The embedded store: one SQLite database, `state.db`, in a directory of its own.
//
// A commit is one transaction in the write-ahead log with synchronous=FULL: one fsync a batch, and
// a batch that was acknowledged survives power loss. This connection is the only one there is (it
// holds the database exclusively, which also keeps SQLite 3.7-3.51's WAL-reset bug away), and
// `lock` in the same directory keeps a second process out with a message better than SQLite's.
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

  Expected<Snapshot> Open(ChangeSink sink) override;
  Expected<Revision> Commit(std::span<const GroupWrite> writes) override;
  void Close() override;

 private:
  Expected<void> TakeLock();
  Expected<void> CreateDatabase();
  Expected<void> OpenDatabase();
  Expected<void> CheckDatabase();
  Expected<Snapshot> Load();
  Expected<void> Write(std::span<const Change> changes, std::span<const GroupWrite> writes,
                       Revision revision);
  Error DatabaseError(ErrorCode code, std::string_view doing) const;
  Error Damaged(std::string_view what) const;

  std::string directory_;
  std::string path_;
  UniqueFd lock_;
  SqliteDatabase database_;
  SqliteStatement begin_, commit_, rollback_, insert_, update_, remove_, set_revision_;
  ChangeSink sink_;
  Revision revision_ = 0;
};

}  // namespace target_eye
