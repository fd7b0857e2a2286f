#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "codec/group_json.h"
#include "util/make_directory.h"

namespace target_eye {
namespace {

constexpr const char* kSchema = R"sql(
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
  ) STRICT;
  INSERT INTO state VALUES (1, 0);
  CREATE TABLE target_group (
    application TEXT NOT NULL,
    environment TEXT NOT NULL,
    json TEXT NOT NULL,
    revision INTEGER NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (application, environment)
  ) STRICT, WITHOUT ROWID;
)sql";

std::string SystemError(int code) { return std::generic_category().message(code); }

// What cannot be looked at may well be there, and is not to be made anew.
Expected<bool> Exists(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT) return false;
  return MakeError(ErrorCode::kIo, fmt::format("cannot look at {}: {}", path, SystemError(errno)));
}

// The file of that name is still there after a power cut.
bool SyncDirectory(const std::string& path) {
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && fsync(directory.get()) == 0;
}

bool IsDamage(int result) {
  const int primary = result & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_FORMAT;
}

}  // namespace

SqliteStore::SqliteStore(std::string directory) : directory_(std::move(directory)) {}

SqliteStore::~SqliteStore() { SqliteStore::Close(); }

Expected<Snapshot> SqliteStore::Open(ChangeSink sink) {
  Close();
  if (auto locked = TakeLock(); !locked) {
    return std::unexpected(locked.error());
  }
  if (auto opened = OpenDatabase(); !opened) {
    Close();
    return std::unexpected(opened.error());
  }
  auto snapshot = Load();
  if (!snapshot) {
    Close();
    return snapshot;
  }
  revision_ = snapshot->revision;
  sink_ = std::move(sink);
  return snapshot;
}

void SqliteStore::Close() {
  if (sink_) {
    // A clean end leaves one file that can be copied. Where it fails the log stays and is read
    // again.
    database_.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  for (SqliteStatement* statement :
       {&begin_, &commit_, &rollback_, &insert_, &update_, &remove_, &set_revision_}) {
    *statement = SqliteStatement();
  }
  database_.Close();
  sink_ = nullptr;
  lock_.Reset();
}

Expected<void> SqliteStore::TakeLock() {
  std::error_code error;
  MakeDirectoryAt(AT_FDCWD, directory_, 0755, error);
  if (error) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot make the state directory {}: {}; make it, or set "
                                 "STATE_DIRECTORY to a directory that this user may write",
                                 directory_, error.message()));
  }
  // SQLite is told to follow no symbolic link, in no part of the path; one above our folder is the
  // operator's own.
  const std::string canonical = std::filesystem::canonical(directory_, error).string();
  if (error) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot use the state directory {}: {}",
                                                 directory_, error.message()));
  }
  path_ = canonical + "/state.db";

  const std::string lock_path = canonical + "/lock";
  lock_ = UniqueFd(open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock_) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot open {}: {}; the state directory must be writable by the "
                                 "user that target-eye runs as",
                                 lock_path, SystemError(errno)));
  }
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return MakeError(ErrorCode::kIo,
                       fmt::format("cannot lock {}: {}", lock_path, SystemError(errno)));
    }
    std::array<char, 32> holder{};
    const ssize_t size = pread(lock_.get(), holder.data(), holder.size() - 1, 0);
    std::string_view process(holder.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    process = process.substr(0, process.find_first_not_of("0123456789"));
    lock_.Reset();
    return MakeError(
        ErrorCode::kInUse,
        fmt::format("the state directory {} is in use by another target-eye{}; stop "
                    "that one, or give this one another directory",
                    canonical, process.empty() ? "" : fmt::format(" (process {})", process)));
  }
  const std::string process = fmt::format("{}\n", getpid());
  if (ftruncate(lock_.get(), 0) != 0 ||
      pwrite(lock_.get(), process.data(), process.size(), 0) < 0) {
    // The id only makes a message better; the lock is what counts.
    return {};
  }
  return {};
}

Expected<void> SqliteStore::CreateDatabase() {
  std::error_code error;
  if (std::filesystem::file_size(path_ + "-wal", error) > 0 && !error) {
    return std::unexpected(Damaged("is missing beside its write-ahead log"));
  }
  const std::string fresh = path_ + ".new";
  for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
    unlink((fresh + suffix).c_str());
  }
  const int made = open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (made < 0) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot make {}: {}; the state directory must be "
                                                 "writable by the user that target-eye runs as",
                                                 fresh, SystemError(errno)));
  }
  close(made);
  SqliteDatabase database;
  int result = database.Open(fresh, 0);
  const std::string identity = fmt::format("PRAGMA application_id={}; PRAGMA user_version={};",
                                           kApplicationId, kSchemaVersion);
  for (const char* sql :
       {"PRAGMA synchronous=FULL", "BEGIN IMMEDIATE", identity.c_str(), kSchema, "COMMIT"}) {
    if (result == SQLITE_OK) {
      result = database.Execute(sql);
    }
  }
  if (result != SQLITE_OK) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot make {}: {}", fresh, database.error_message()));
  }
  database.Close();
  if (rename(fresh.c_str(), path_.c_str()) != 0) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot rename {}: {}", fresh, SystemError(errno)));
  }
  return {};
}

Expected<void> SqliteStore::OpenDatabase() {
  const auto exists = Exists(path_);
  if (!exists) {
    return std::unexpected(exists.error());
  }
  if (!*exists) {
    if (auto created = CreateDatabase(); !created) {
      return created;
    }
  }
  // At every start: the one that made the file may have ended before this.
  const std::string directory = std::filesystem::path(path_).parent_path();
  if (!SyncDirectory(directory)) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot sync the state directory {}: {}",
                                                 directory, SystemError(errno)));
  }
  struct stat status{};
  if (lstat(path_.c_str(), &status) == 0 && status.st_size == 0) {
    return std::unexpected(Damaged("is empty"));
  }
  if (database_.Open(path_, 0) != SQLITE_OK ||
      database_.Execute("PRAGMA locking_mode=EXCLUSIVE") != SQLITE_OK) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "open"));
  }
  if (auto checked = CheckDatabase(); !checked) {
    return checked;
  }
  std::string mode;
  if (database_.QueryText("PRAGMA journal_mode=WAL", mode) != SQLITE_OK || mode != "wal") {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "turn on the write-ahead log of"));
  }
  for (const char* sql :
       {"PRAGMA synchronous=FULL", "PRAGMA cache_size=-8192", "PRAGMA wal_autocheckpoint=1000",
        "PRAGMA journal_size_limit=67108864", "PRAGMA temp_store=MEMORY"}) {
    if (database_.Execute(sql) != SQLITE_OK) {
      return std::unexpected(DatabaseError(ErrorCode::kIo, "set up"));
    }
  }
  const std::pair<std::string_view, SqliteStatement*> statements[] = {
      {"BEGIN IMMEDIATE", &begin_},
      {"COMMIT", &commit_},
      {"ROLLBACK", &rollback_},
      {"INSERT INTO target_group VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING", &insert_},
      {"UPDATE target_group SET json = ?3, revision = ?4, changed_by = ?5, changed_at_ms = ?6 "
       "WHERE application = ?1 AND environment = ?2 AND revision = ?7",
       &update_},
      {"DELETE FROM target_group WHERE application = ?1 AND environment = ?2 AND revision = ?3",
       &remove_},
      {"UPDATE state SET revision = ?1 WHERE id = 1", &set_revision_},
  };
  for (const auto& [sql, statement] : statements) {
    if (database_.Prepare(sql, *statement) != SQLITE_OK) {
      return std::unexpected(Damaged("does not have the tables of its schema"));
    }
  }
  return {};
}

// Looks only: whatever is wrong, not a byte is changed before it has passed.
Expected<void> SqliteStore::CheckDatabase() {
  std::int64_t application = 0;
  std::int64_t version = 0;
  int result = database_.QueryInteger("PRAGMA application_id", application);
  if (result == SQLITE_OK) {
    result = database_.QueryInteger("PRAGMA user_version", version);
  }
  if (IsDamage(result)) {
    return std::unexpected(Damaged("is damaged: " + database_.error_message()));
  }
  if (result != SQLITE_OK) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "read"));
  }
  if (application != kApplicationId) {
    return std::unexpected(Damaged("is not a state database of target-eye"));
  }
  if (version > kSchemaVersion) {
    return MakeError(ErrorCode::kTooNew,
                     fmt::format("{} has schema version {}, and this target-eye knows versions up "
                                 "to {}; run the newer target-eye that wrote it. Nothing was "
                                 "changed",
                                 path_, version, kSchemaVersion));
  }
  std::string verdict;
  result = database_.QueryText("PRAGMA quick_check(1)", verdict);
  if (result != SQLITE_OK && !IsDamage(result)) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "read"));
  }
  if (result != SQLITE_OK || verdict != "ok") {
    if (verdict.empty()) {
      verdict = database_.error_message();
    }
    for (char& c : verdict) {
      c = c == '\n' ? ' ' : c;
    }
    return std::unexpected(Damaged("is damaged, or cannot be read: " + verdict));
  }
  return {};
}

Expected<Snapshot> SqliteStore::Load() {
  Snapshot snapshot;
  if (database_.QueryInteger("SELECT revision FROM state WHERE id = 1", snapshot.revision) !=
      SQLITE_OK) {
    return std::unexpected(Damaged("does not say its revision"));
  }
  SqliteStatement rows;
  database_.Prepare(
      "SELECT application, environment, json, revision, changed_by, changed_at_ms "
      "FROM target_group ORDER BY application, environment",
      rows);
  int result = SQLITE_OK;
  while ((result = rows.Step()) == SQLITE_ROW) {
    auto stored = std::make_shared<StoredGroup>();
    stored->key.application = rows.Text(0);
    stored->key.environment = rows.Text(1);
    stored->json = rows.Text(2);
    auto group = DecodeStoredGroup(stored->json);
    if (!group) {
      return std::unexpected(
          Damaged(fmt::format("holds a group that cannot be read, {}: {}",
                              Quote(stored->key.application), group.error().message)));
    }
    stored->group = std::move(*group);
    stored->revision = rows.Integer(3);
    stored->changed_by = rows.Text(4);
    stored->changed_at_ms = rows.Integer(5);
    snapshot.groups.push_back(std::move(stored));
  }
  if (result != SQLITE_DONE) {
    return std::unexpected(IsDamage(result) ? Damaged("is damaged: " + database_.error_message())
                                            : DatabaseError(ErrorCode::kIo, "read"));
  }
  return snapshot;
}

Expected<Revision> SqliteStore::Commit(std::span<const GroupWrite> writes) {
  if (!database_.is_open() || !sink_) {
    return MakeError(ErrorCode::kUncertain, "the store is not open");
  }
  const Revision revision = revision_ + 1;
  std::vector<Change> changes;
  changes.reserve(writes.size());
  for (const GroupWrite& write : writes) {
    changes.push_back(
        {write.key, revision, write.group ? MakeStoredGroup(write, revision) : nullptr});
  }
  if (auto written = Write(changes, writes, revision); !written) {
    if (written.error().code == ErrorCode::kUncertain) {
      sink_ = nullptr;
    }
    return std::unexpected(written.error());
  }
  revision_ = revision;
  sink_(revision, std::move(changes));
  return revision;
}

Expected<void> SqliteStore::Write(std::span<const Change> changes,
                                  std::span<const GroupWrite> writes, Revision revision) {
  // Until COMMIT has run, what fails has changed nothing: roll back and say so.
  const auto give_up = [this](Error error) -> Expected<void> {
    if (database_.in_transaction() && rollback_.Run() != SQLITE_OK) {
      error.code = ErrorCode::kUncertain;
    }
    return std::unexpected(std::move(error));
  };
  // SQLite opens for reading only what it could not open for writing, were it for a moment: to open
  // it anew, as after an uncertain commit, is what helps.
  const auto cannot_write = [&](int result) {
    const bool read_only = (result & 0xff) == SQLITE_READONLY;
    return give_up(
        DatabaseError(read_only ? ErrorCode::kUncertain : ErrorCode::kUnavailable, "write to"));
  };
  if (const int result = begin_.Run(); result != SQLITE_OK) return cannot_write(result);
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const GroupWrite& write = writes[i];
    SqliteStatement& statement =
        !write.group ? remove_ : (write.expected_revision == 0 ? insert_ : update_);
    statement.Bind(1, write.key.application);
    statement.Bind(2, write.key.environment);
    if (write.group) {
      statement.Bind(3, changes[i].group->json);
      statement.Bind(4, revision);
      statement.Bind(5, write.changed_by);
      statement.Bind(6, write.changed_at_ms);
      if (write.expected_revision != 0) {
        statement.Bind(7, write.expected_revision);
      }
    } else {
      statement.Bind(3, write.expected_revision);
    }
    if (const int result = statement.Run(); result != SQLITE_OK) return cannot_write(result);
    if (database_.changes() != 1) {
      return give_up(
          {ErrorCode::kConflict,
           fmt::format("group {}/{} is no longer at revision {}", Quote(write.key.application),
                       Quote(write.key.environment), write.expected_revision)});
    }
  }
  set_revision_.Bind(1, revision);
  if (const int result = set_revision_.Run(); result != SQLITE_OK) return cannot_write(result);
  if (const int result = commit_.Run(); result != SQLITE_OK) {
    // No room for the log's frames: the one that would have made the commit was not written. Of any
    // other failure, a failed fsync above all, nobody knows what is on the disk.
    const bool none = (result & 0xff) == SQLITE_FULL || (result & 0xff) == SQLITE_BUSY;
    return give_up(
        DatabaseError(none ? ErrorCode::kUnavailable : ErrorCode::kUncertain, "commit to"));
  }
  return {};
}

Error SqliteStore::DatabaseError(ErrorCode code, std::string_view doing) const {
  return {code, fmt::format("cannot {} {}: {}", doing, path_, database_.error_message())};
}

Error SqliteStore::Damaged(std::string_view what) const {
  return {
      ErrorCode::kDamaged,
      fmt::format("{} {}. Nothing was changed. Put a backup in its place; or move state.db and "
                  "state.db-wal away and start again: what was last published is then taken over",
                  path_, what)};
}

}  // namespace target_eye
