#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "codec/group_json.h"

namespace target_eye {
namespace {

constexpr const char* kSchema = R"sql(
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
  ) STRICT;
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

constexpr std::string_view kInsert =
    "INSERT INTO target_group VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING";

// The values of kInsert, which must live until it has run.
void Bind(SqliteStatement& statement, const GroupKey& key, const std::string& json,
          Revision revision, const std::string& changed_by, std::int64_t changed_at_ms) {
  statement.Bind(1, key.application);
  statement.Bind(2, key.environment);
  statement.Bind(3, json);
  statement.Bind(4, revision);
  statement.Bind(5, changed_by);
  statement.Bind(6, changed_at_ms);
}

std::string SystemError(int code) { return std::generic_category().message(code); }

// What cannot be looked at may well exist, and must not be made again.
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

// Whether `older` can be what `newer` once was: what has not been changed since is in it. Both are
// ordered by key.
bool CanPrecede(const Snapshot& older, const Snapshot& newer) {
  auto old = older.groups.begin();
  for (const StoredGroupPtr& group : newer.groups) {
    if (group->revision > older.revision) continue;
    while (old != older.groups.end() && (*old)->key < group->key) ++old;
    if (old == older.groups.end() || (*old)->key != group->key ||
        (*old)->revision != group->revision || (*old)->json != group->json) {
      return false;
    }
  }
  return older.revision <= newer.revision;
}

bool IsDamage(int result) {
  const int primary = result & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_FORMAT;
}

// What can pass by itself, so that trying the same again makes sense.
bool CanPass(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return true;
    default:
      return false;
  }
}

}  // namespace

SqliteStore::SqliteStore(std::string directory) : place_(std::move(directory)) {}

SqliteStore::~SqliteStore() { SqliteStore::Close(); }

bool SqliteStore::HoldsState(const std::string& directory) {
  std::error_code error;
  const std::string path = std::filesystem::canonical(directory, error).string() + "/state.db";
  if (error) return error != std::errc::no_such_file_or_directory;
  const auto exists = Exists(path);
  if (exists && !*exists) return false;
  // What is in the log was written, and without it the database is all there is.
  if (std::filesystem::file_size(path + "-wal", error) > 0 && !error) return true;
  SqliteDatabase database;
  Revision revision = 0;
  return !exists || database.OpenUnchanging(path) != SQLITE_OK ||
         database.QueryInteger("SELECT revision FROM state WHERE id = 1", revision) != SQLITE_OK ||
         revision != 0;
}

Expected<Snapshot> SqliteStore::Open(ChangeSink sink) {
  Close();
  const auto open = [this]() -> Expected<Snapshot> {
    if (auto taken = place_.Take(); !taken) return std::unexpected(taken.error());
    path_ = place_.database();
    const auto exists = Exists(path_);
    if (!exists) return std::unexpected(exists.error());
    if (!*exists) {
      std::error_code error;
      if (std::filesystem::file_size(place_.log(), error) > 0 && !error) {
        return std::unexpected(Damaged("is missing beside its write-ahead log"));
      }
      auto made = MakeDatabase(Snapshot{});
      if (made) made = PlaceDatabase();
      if (!made) return std::unexpected(made.error());
    }
    return OpenAndLoad();
  };
  auto snapshot = open();
  if (snapshot) {
    if (auto noted = place_.Note(); !noted) snapshot = std::unexpected(noted.error());
  }
  if (!snapshot) {
    Close();
    return snapshot;
  }
  revision_ = snapshot->revision;
  sink_ = std::move(sink);
  is_running_ = true;
  return snapshot;
}

Expected<Store::Reopened> SqliteStore::Reopen(const Snapshot& believed, ChangeSink sink) {
  sink_ = nullptr;
  auto reopened = OpenAgain(believed);
  if (reopened) {
    if (auto noted = place_.Note(); !noted) reopened = std::unexpected(noted.error());
  }
  if (!reopened) {
    CloseDatabase();
    return reopened;
  }
  revision_ = reopened->snapshot.revision;
  sink_ = std::move(sink);
  may_have_more_ = false;
  cannot_write_ = false;
  return reopened;
}

Expected<Store::Reopened> SqliteStore::OpenAgain(const Snapshot& believed) {
  CloseDatabase();
  if (auto taken = place_.Take(); !taken) return std::unexpected(taken.error());
  path_ = place_.database();
  const auto exists = Exists(path_);
  if (!exists) return std::unexpected(exists.error());
  if (*exists) {
    const bool is_ours = place_.IsDatabaseOurs();
    if (!is_ours && place_.HasLog()) {
      if (auto looked = LookUnderLog(believed); !looked) return std::unexpected(looked.error());
    }
    auto snapshot = OpenAndLoad();
    if (snapshot && Continues(believed, *snapshot)) {
      return Reopened{.snapshot = *std::move(snapshot)};
    }
    auto found = snapshot ? OtherState(believed, *snapshot) : snapshot.error();
    CloseDatabase();
    // Nobody else wrote it, and so nobody is to miss it: its log was lost, or the disk damaged it.
    if (found.code != ErrorCode::kDamaged || !is_ours) return std::unexpected(std::move(found));
  }
  if (auto made = MakeDatabase(believed); !made) return std::unexpected(made.error());
  if (auto aside = place_.PutAside(); !aside) return std::unexpected(aside.error());
  if (auto placed = PlaceDatabase(); !placed) return std::unexpected(placed.error());
  auto snapshot = OpenAndLoad();
  if (!snapshot) return std::unexpected(snapshot.error());
  return Reopened{.snapshot = *std::move(snapshot), .made_whole = true};
}

Expected<void> SqliteStore::LookUnderLog(const Snapshot& believed) {
  if (const auto same = place_.CheckDatabaseFile(); !same) {
    // A copy of both has come, and is as good as what it shows.
    if (!place_.IsLogOurs()) return {};
    return MakeError(
        ErrorCode::kDamaged,
        fmt::format("{}, and the log of the one before hides what is in it. Nothing was changed. "
                    "Put the one before back; or move state.db and state.db-wal away, and all "
                    "groups are written there again from memory; or stop target-eye, move "
                    "state.db-wal away, and start it, to begin with what is in state.db",
                    same.error().message));
  }
  // Its time alone has changed: somebody wrote into it, touched it, or the file system set it late.
  if (database_.OpenUnchanging(path_) != SQLITE_OK) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "look at"));
  }
  if (auto checked = CheckDatabase(); !checked) return checked;
  const auto alone = Load();
  if (!alone) return std::unexpected(alone.error());
  CloseDatabase();
  if (CanPrecede(*alone, believed) || Continues(believed, *alone)) return {};
  return std::unexpected(OtherState(believed, *alone));
}

// Whether `found` is `believed`, or that and one commit more where that is possible. Both are
// ordered by key.
bool SqliteStore::Continues(const Snapshot& believed, const Snapshot& found) const {
  const bool has_more = may_have_more_ && found.revision == believed.revision + 1;
  if (found.revision != believed.revision && !has_more) return false;
  auto ours = believed.groups.begin();
  for (const StoredGroupPtr& group : found.groups) {
    // What is gone was removed by that one commit.
    while (has_more && ours != believed.groups.end() && (*ours)->key < group->key) ++ours;
    const bool is_believed = ours != believed.groups.end() && (*ours)->key == group->key;
    const bool is_same =
        is_believed && (*ours)->revision == group->revision && (*ours)->json == group->json;
    if (!is_same && !(has_more && group->revision == found.revision)) return false;
    if (is_believed) ++ours;
  }
  return has_more || ours == believed.groups.end();
}

Error SqliteStore::OtherState(const Snapshot& believed, const Snapshot& found) const {
  return {ErrorCode::kDamaged,
          fmt::format("{} holds another state than the one that was open: revision {} with {} "
                      "groups, and not revision {} with {}. Nothing was changed. Put the one "
                      "before back; or move state.db and state.db-wal away, and all groups are "
                      "written there again from memory; or restart target-eye, to begin with "
                      "what is there",
                      path_, found.revision, found.groups.size(), believed.revision,
                      believed.groups.size())};
}

void SqliteStore::CloseDatabase() {
  for (SqliteStatement* statement :
       {&begin_, &commit_, &rollback_, &insert_, &update_, &remove_, &set_revision_}) {
    *statement = SqliteStatement();
  }
  database_.Close();
}

void SqliteStore::Close() {
  if (sink_ && place_.Check()) {
    // A clean end leaves one file that can be copied. Where it fails the log stays and is read
    // again.
    database_.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  CloseDatabase();
  sink_ = nullptr;
  is_running_ = false;
  may_have_more_ = false;
  cannot_write_ = false;
  place_.Release();
}

Expected<void> SqliteStore::MakeDatabase(const Snapshot& groups) {
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
  const std::string revision = fmt::format("INSERT INTO state VALUES (1, {})", groups.revision);
  for (const char* sql : {"PRAGMA synchronous=FULL", "BEGIN IMMEDIATE", identity.c_str(), kSchema,
                          revision.c_str()}) {
    if (result == SQLITE_OK) {
      result = database.Execute(sql);
    }
  }
  SqliteStatement insert;
  if (result == SQLITE_OK) result = database.Prepare(kInsert, insert);
  for (const StoredGroupPtr& group : groups.groups) {
    if (result != SQLITE_OK) break;
    Bind(insert, group->key, group->json, group->revision, group->changed_by, group->changed_at_ms);
    result = insert.Run();
  }
  if (result == SQLITE_OK) result = database.Execute("COMMIT");
  if (result != SQLITE_OK) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot make {}: {}", fresh, database.error_message()));
  }
  return {};
}

Expected<void> SqliteStore::PlaceDatabase() {
  const std::string fresh = path_ + ".new";
  if (const int code = RenameOntoNothing(fresh, path_); code != 0) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot rename {} to {}: {}", fresh, path_, SystemError(code)));
  }
  return {};
}

Expected<Snapshot> SqliteStore::OpenAndLoad() {
  if (auto opened = OpenDatabase(); !opened) return std::unexpected(opened.error());
  return Load();
}

Expected<void> SqliteStore::OpenDatabase() {
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
      {kInsert, &insert_},
      {"UPDATE target_group SET json = ?3, revision = ?4, changed_by = ?5, changed_at_ms = ?6 "
       "WHERE application = ?1 AND environment = ?2 AND revision = ?7",
       &update_},
      {"DELETE FROM target_group WHERE application = ?1 AND environment = ?2 AND revision = ?3",
       &remove_},
      {"UPDATE state SET revision = ?1 WHERE id = 1", &set_revision_},
  };
  for (const auto& [sql, statement] : statements) {
    if (const int result = database_.Prepare(sql, *statement); result != SQLITE_OK) {
      return std::unexpected(CanPass(result) ? DatabaseError(ErrorCode::kIo, "read")
                                             : Damaged("does not have the tables of its schema"));
    }
  }
  return {};
}

// Only reads: until the database has passed, not a byte of it is changed.
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
  const int found =
      database_.QueryInteger("SELECT revision FROM state WHERE id = 1", snapshot.revision);
  if (found != SQLITE_OK) {
    return std::unexpected(CanPass(found) ? DatabaseError(ErrorCode::kIo, "read")
                                          : Damaged("does not say its revision"));
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

Expected<void> SqliteStore::Check() {
  if (!database_.is_open() || !sink_) {
    return MakeError(ErrorCode::kUncertain, "the store is not open");
  }
  if (auto ours = place_.Check(); !ours) {
    sink_ = nullptr;
    return ours;
  }
  return cannot_write_ ? WriteAndNote({}, {}, revision_) : Expected<void>();
}

Expected<Revision> SqliteStore::Commit(std::span<const GroupWrite> writes) {
  if (!database_.is_open() || !sink_) {
    return MakeError(ErrorCode::kUncertain, "the store is not open");
  }
  if (auto ours = place_.Check(); !ours) {
    sink_ = nullptr;
    return std::unexpected(ours.error());
  }
  const Revision revision = revision_ + 1;
  std::vector<Change> changes;
  changes.reserve(writes.size());
  for (const GroupWrite& write : writes) {
    changes.push_back(
        {write.key, revision, write.group ? MakeStoredGroup(write, revision) : nullptr});
  }
  if (auto written = WriteAndNote(changes, writes, revision); !written) {
    return std::unexpected(written.error());
  }
  revision_ = revision;
  sink_(revision, std::move(changes));
  return revision;
}

// What is written is there only if its files are: a commit to files that nobody will find is none.
Expected<void> SqliteStore::WriteAndNote(std::span<const Change> changes,
                                         std::span<const GroupWrite> writes, Revision revision) {
  auto written = Write(changes, writes, revision);
  cannot_write_ = !written && written.error().code == ErrorCode::kUnavailable;
  auto noted = place_.NoteWrite();
  if (written && !noted) {
    written = MakeError(ErrorCode::kUncertain, noted.error().message);
  }
  if (!written && (written.error().code == ErrorCode::kUncertain ||
                   written.error().code == ErrorCode::kDamaged)) {
    may_have_more_ = written.error().code == ErrorCode::kUncertain;
    sink_ = nullptr;
  }
  return written;
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
  // For what cannot pass, to open it again is what helps, or tells. SQLite opens for reading only
  // what it could not open for writing, were it for a moment, and that is among it.
  const auto cannot_write = [&](int result) {
    return give_up(
        DatabaseError(CanPass(result) ? ErrorCode::kUnavailable : ErrorCode::kDamaged, "write to"));
  };
  if (const int result = begin_.Run(); result != SQLITE_OK) return cannot_write(result);
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const GroupWrite& write = writes[i];
    SqliteStatement& statement =
        !write.group ? remove_ : (write.expected_revision == 0 ? insert_ : update_);
    if (write.group) {
      Bind(statement, write.key, changes[i].group->json, revision, write.changed_by,
           write.changed_at_ms);
      if (write.expected_revision != 0) {
        statement.Bind(7, write.expected_revision);
      }
    } else {
      statement.Bind(1, write.key.application);
      statement.Bind(2, write.key.environment);
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
  return {ErrorCode::kDamaged,
          fmt::format("{} {}. Nothing was changed. {}", path_, what,
                      is_running_
                          ? "Move state.db and state.db-wal away: all groups are then written "
                            "again from memory"
                          : "Put a backup in its place; or move state.db and state.db-wal away and "
                            "start again: what was last published is then taken over")};
}

}  // namespace target_eye
