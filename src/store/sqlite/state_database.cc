#include "store/sqlite/state_database.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "store/sqlite/state_schema.h"

namespace target_eye {
namespace {

constexpr std::string_view kInsert =
    "INSERT INTO target_group (application, environment, json, revision, changed_by, "
    "changed_at_ms, cause) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";

// The values of kInsert, which must live until it has run.
void Bind(SqliteStatement& statement, const StoredGroup& group) {
  statement.Bind(1, group.key.application);
  statement.Bind(2, group.key.environment);
  statement.Bind(3, group.text.json());
  statement.Bind(4, group.revision);
  statement.Bind(5, group.origin.who);
  statement.Bind(6, group.origin.when_ms);
  statement.Bind(7, CauseName(group.origin.cause));
}

Revision RevisionOf(const StoredGroupPtr& group) { return group ? group->revision : 0; }

bool IsDamage(int result) {
  const int primary = result & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_FORMAT;
}

// What can pass by itself, so that trying the same again makes sense. What cannot be read is not
// among it: to read all of it again tells whether the disk has lost it.
bool CanPass(int result) {
  switch (result) {
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_DATA:
      return false;
    default:
      break;
  }
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

Expected<void> StateDatabase::Make(const std::string& path, const Snapshot& groups) {
  SqliteDatabase database;
  int result = database.Open(path, 0);
  if (result == SQLITE_OK) result = database.Execute("PRAGMA synchronous=FULL");
  for (std::int64_t version = 0; version < StateSchema::kVersion && result == SQLITE_OK;
       ++version) {
    result = StateSchema::Climb(database, version);
  }
  const std::string revision = fmt::format("INSERT INTO state VALUES (1, {})", groups.revision);
  for (const char* sql : {"BEGIN IMMEDIATE", revision.c_str()}) {
    if (result == SQLITE_OK) result = database.Execute(sql);
  }
  SqliteStatement insert;
  if (result == SQLITE_OK) result = database.Prepare(kInsert, insert);
  for (const StoredGroupPtr& group : groups.groups) {
    if (result != SQLITE_OK) break;
    Bind(insert, *group);
    result = insert.Run();
  }
  if (result == SQLITE_OK) result = database.Execute("COMMIT");
  if (result != SQLITE_OK) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot make {}: {}", path, database.error_message()));
  }
  return {};
}

Expected<void> StateDatabase::Open(const std::string& path) {
  path_ = path;
  struct stat status{};
  if (lstat(path_.c_str(), &status) == 0 && status.st_size == 0) {
    return std::unexpected(Damaged("is empty"));
  }
  if (database_.Open(path_, 0) != SQLITE_OK ||
      database_.Execute("PRAGMA locking_mode=EXCLUSIVE") != SQLITE_OK) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "open"));
  }
  if (auto checked = Check(); !checked) return checked;
  return SetUp();
}

Expected<void> StateDatabase::OpenAlone(const std::string& path) {
  path_ = path;
  if (database_.OpenUnchanging(path_) != SQLITE_OK) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "look at"));
  }
  return Check();
}

// Looks only: whatever is wrong, not a byte is changed before it has passed.
Expected<void> StateDatabase::Check() {
  std::int64_t application = 0;
  int result = database_.QueryInteger("PRAGMA application_id", application);
  if (result == SQLITE_OK) {
    result = database_.QueryInteger("PRAGMA user_version", version_);
  }
  if (IsDamage(result)) {
    return std::unexpected(Damaged("is damaged: " + database_.error_message()));
  }
  if (result != SQLITE_OK) {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "read"));
  }
  if (application != StateSchema::kApplicationId || version_ < 1) {
    return std::unexpected(Damaged("is not a state database of target-eye"));
  }
  if (version_ > StateSchema::kVersion) {
    return MakeError(ErrorCode::kTooNew,
                     fmt::format("{} has schema version {}, and this target-eye knows versions up "
                                 "to {}; run the newer target-eye that wrote it. Nothing was "
                                 "changed",
                                 path_, version_, StateSchema::kVersion));
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

Expected<void> StateDatabase::SetUp() {
  std::string mode;
  if (database_.QueryText("PRAGMA journal_mode=WAL", mode) != SQLITE_OK || mode != "wal") {
    return std::unexpected(DatabaseError(ErrorCode::kIo, "turn on the write-ahead log of"));
  }
  for (const char* sql : {"PRAGMA synchronous=FULL", "PRAGMA cache_size=-8192",
                          "PRAGMA journal_size_limit=67108864", "PRAGMA temp_store=MEMORY"}) {
    if (database_.Execute(sql) != SQLITE_OK) {
      return std::unexpected(DatabaseError(ErrorCode::kIo, "set up"));
    }
  }
  return {};
}

Expected<Snapshot> StateDatabase::Load() {
  Snapshot snapshot;
  SqliteStatement rows;
  int result = database_.Prepare(StateSchema::Select(version_), rows);
  if (result != SQLITE_OK) {
    return std::unexpected(CanPass(result) ? DatabaseError(ErrorCode::kIo, "read")
                                           : Damaged("does not have the tables of its schema"));
  }
  result = database_.QueryInteger("SELECT revision FROM state WHERE id = 1", snapshot.revision);
  if (result != SQLITE_OK) {
    return std::unexpected(CanPass(result) ? DatabaseError(ErrorCode::kIo, "read")
                                           : Damaged("does not say its revision"));
  }
  while ((result = rows.Step()) == SQLITE_ROW) {
    auto group = Group(rows);
    if (!group) return std::unexpected(std::move(group.error()));
    snapshot.groups.push_back(*std::move(group));
  }
  if (result != SQLITE_DONE) {
    return std::unexpected(IsDamage(result) ? Damaged("is damaged: " + database_.error_message())
                                            : DatabaseError(ErrorCode::kIo, "read"));
  }
  snapshot.is_new = snapshot.revision == 0;
  return snapshot;
}

// Of a row of StateSchema::Select.
Expected<StoredGroupPtr> StateDatabase::Group(const SqliteStatement& row) const {
  auto text = GroupText::FromStored(row.Text(2));
  if (!text) {
    return std::unexpected(Damaged(fmt::format("holds a group that cannot be read, {}: {}",
                                               Quote(row.Text(0)), text.error().message)));
  }
  const auto cause = ParseCause(row.Text(6));
  if (!cause) {
    return std::unexpected(
        Damaged(fmt::format("holds a group, {}, that changed for a reason that is not known: {}",
                            Quote(row.Text(0)), Quote(row.Text(6)))));
  }
  return MakeStoredGroup(
      {std::string(row.Text(0)), std::string(row.Text(1))}, *std::move(text), row.Integer(3),
      {.who = std::string(row.Text(4)), .when_ms = row.Integer(5), .cause = *cause});
}

Expected<std::int64_t> StateDatabase::Climb() {
  const std::int64_t found = version_;
  for (; version_ < StateSchema::kVersion; ++version_) {
    if (StateSchema::Climb(database_, version_) == SQLITE_OK) continue;
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot bring {} from schema version {} to {}: {}. Its groups are "
                                 "as they were",
                                 path_, version_, version_ + 1, database_.error_message()));
  }
  if (auto prepared = Prepare(); !prepared) return std::unexpected(prepared.error());
  return found;
}

Expected<void> StateDatabase::Prepare() {
  const std::pair<std::string_view, SqliteStatement*> statements[] = {
      {"BEGIN IMMEDIATE", &begin_},
      {"COMMIT", &commit_},
      {"ROLLBACK", &rollback_},
      {"SELECT application, environment, json, revision, changed_by, changed_at_ms, cause "
       "FROM target_group WHERE application = ?1 AND environment = ?2",
       &find_},
      {kInsert, &insert_},
      {"UPDATE target_group SET json = ?3, revision = ?4, changed_by = ?5, changed_at_ms = ?6, "
       "cause = ?7 WHERE application = ?1 AND environment = ?2 AND revision = ?8",
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

void StateDatabase::Close() {
  for (SqliteStatement* statement :
       {&begin_, &commit_, &rollback_, &find_, &insert_, &update_, &remove_, &set_revision_}) {
    *statement = SqliteStatement();
  }
  database_.Close();
}

Expected<std::vector<Store::Written>> StateDatabase::Write(std::vector<GroupWrite>& writes,
                                                           Revision revision, SteadyTime deadline,
                                                           const Clock& clock) {
  if (const int result = begin_.Run(); result != SQLITE_OK) {
    return std::unexpected(TakeBack(CannotWrite(result)));
  }
  std::vector<Store::Written> written(writes.size());
  const auto kept = WriteEach(writes, revision, written);
  if (!kept) return std::unexpected(TakeBack(kept.error()));
  if (*kept == 0 && !writes.empty()) {
    if (const int result = rollback_.Run(); result != SQLITE_OK) {
      return std::unexpected(TakeBack(CannotWrite(result)));
    }
    return written;
  }
  if (auto finished = Finish(revision, deadline, clock); !finished) {
    return std::unexpected(TakeBack(std::move(finished.error())));
  }
  return written;
}

Expected<std::size_t> StateDatabase::WriteEach(std::vector<GroupWrite>& writes, Revision revision,
                                               std::vector<Store::Written>& written) {
  const auto overtaken_sets = OvertakenSets(writes);
  if (!overtaken_sets) return std::unexpected(overtaken_sets.error());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < writes.size(); ++i) {
    GroupWrite& write = writes[i];
    if (!overtaken_sets->contains(write.set)) {
      if (write.group) {
        written[i].group =
            MakeStoredGroup(write.key, *std::move(write.group), revision, write.origin);
      }
      const auto done = WriteOne(write, written[i].group);
      if (!done) return std::unexpected(done.error());
      if (*done) {
        ++kept;
        continue;
      }
    }
    auto now = Find(write);
    if (!now) return std::unexpected(now.error());
    written[i] = {
        .error = Error{ErrorCode::kConflict,
                       fmt::format("group {}/{} is no longer at revision {}",
                                   Quote(write.key.application), Quote(write.key.environment),
                                   RevisionOf(write.before))},
        .group = *std::move(now)};
  }
  return kept;
}

Expected<std::set<int>> StateDatabase::OvertakenSets(const std::vector<GroupWrite>& writes) {
  std::set<int> overtaken;
  for (const GroupWrite& write : writes) {
    if (write.set == 0 || overtaken.contains(write.set)) continue;
    const auto now = Find(write);
    if (!now) return std::unexpected(now.error());
    if (RevisionOf(*now) != RevisionOf(write.before)) overtaken.insert(write.set);
  }
  return overtaken;
}

Expected<bool> StateDatabase::WriteOne(const GroupWrite& write, const StoredGroupPtr& group) {
  SqliteStatement& statement = !group ? remove_ : (write.before ? update_ : insert_);
  if (group) {
    Bind(statement, *group);
    if (write.before) statement.Bind(8, write.before->revision);
  } else {
    statement.Bind(1, write.key.application);
    statement.Bind(2, write.key.environment);
    statement.Bind(3, RevisionOf(write.before));
  }
  if (const int result = statement.Run(); result != SQLITE_OK) {
    return std::unexpected(CannotWrite(result));
  }
  return database_.changes() == 1;
}

Expected<StoredGroupPtr> StateDatabase::Find(const GroupWrite& write) {
  find_.Bind(1, write.key.application);
  find_.Bind(2, write.key.environment);
  const int result = find_.Step();
  Expected<StoredGroupPtr> found;
  if (result == SQLITE_ROW) {
    found = Group(find_);
  } else if (result != SQLITE_DONE) {
    found = std::unexpected(CannotWrite(result));
  }
  find_.Reset();
  return found;
}

Expected<void> StateDatabase::Finish(Revision revision, SteadyTime deadline, const Clock& clock) {
  set_revision_.Bind(1, revision);
  if (const int result = set_revision_.Run(); result != SQLITE_OK) {
    return std::unexpected(CannotWrite(result));
  }
  if (clock.Now() >= deadline) {
    return MakeError(ErrorCode::kUnavailable,
                     fmt::format("{} took too long to be written to", path_));
  }
  if (const int result = commit_.Run(); result != SQLITE_OK) {
    // No room for the log's frames: the one that would have made the commit was not written. Of any
    // other failure, a failed fsync above all, nobody knows what is on the disk.
    const bool none = (result & 0xff) == SQLITE_FULL || (result & 0xff) == SQLITE_BUSY;
    return std::unexpected(
        DatabaseError(none ? ErrorCode::kUnavailable : ErrorCode::kUncertain, "commit to"));
  }
  return {};
}

Error StateDatabase::TakeBack(Error error) {
  // Until COMMIT has run, what fails has changed nothing.
  if (database_.in_transaction() && rollback_.Run() != SQLITE_OK) {
    error.code = ErrorCode::kUncertain;
  }
  return error;
}

// For what cannot pass, to open it again is what helps, or tells. SQLite opens for reading only
// what it could not open for writing, were it for a moment, and that is among it.
Error StateDatabase::CannotWrite(int result) const {
  return DatabaseError(CanPass(result) ? ErrorCode::kUnavailable : ErrorCode::kDamaged, "write to");
}

Error StateDatabase::DatabaseError(ErrorCode code, std::string_view doing) const {
  return {code, fmt::format("cannot {} {}: {}", doing, path_, database_.error_message())};
}

Error StateDatabase::Damaged(std::string_view what) const {
  return {ErrorCode::kDamaged, fmt::format("{} {}. Nothing was changed. {}", path_, what, advice_)};
}

}  // namespace target_eye
