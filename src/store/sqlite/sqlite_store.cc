#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "store/sqlite/state_schema.h"
#include "telemetry/log.h"
#include "util/heap_room.h"
#include "util/rename_onto_nothing.h"

namespace target_eye {
namespace {

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
        (*old)->revision != group->revision || (*old)->text != group->text) {
      return false;
    }
  }
  return older.revision <= newer.revision;
}

constexpr std::string_view kAdviceAtStart =
    "Put a backup in its place; or move state.db and state.db-wal away and start again: what was "
    "last published is then taken over";
constexpr std::string_view kAdviceWhileRunning =
    "Move state.db and state.db-wal away: all groups are then written again from memory";

// How often what is kept is looked at.
constexpr std::chrono::seconds kLookEvery{1};

}  // namespace

SqliteStore::SqliteStore(std::string directory, const Clock& clock)
    : clock_(clock),
      place_(std::move(directory)),
      database_(kAdviceAtStart),
      backoff_(std::chrono::milliseconds(50), kMaxDiskRetry) {}

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

Expected<void> SqliteStore::Try(const std::string& directory) {
  SqliteStore store(directory);
  const auto found = store.Find();
  return found ? Expected<void>() : std::unexpected(found.error());
}

Expected<void> SqliteStore::Open(Sink& sink) {
  Close();
  auto snapshot = Find();
  if (snapshot) {
    if (auto settled = Settle(); !settled) snapshot = std::unexpected(std::move(settled.error()));
  }
  if (!snapshot) {
    Close();
    return std::unexpected(std::move(snapshot.error()));
  }
  database_.Advise(kAdviceWhileRunning);
  revision_ = snapshot->revision;
  sink_ = &sink;
  due_ = clock_.Now() + kLookEvery;
  sink_->OnSnapshot(*std::move(snapshot));
  return {};
}

Expected<Snapshot> SqliteStore::Find() {
  if (auto taken = place_.Take(); !taken) return std::unexpected(taken.error());
  path_ = place_.database();
  const auto exists = Exists(path_);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) {
    std::error_code error;
    if (std::filesystem::file_size(place_.log(), error) > 0 && !error) {
      return MakeError(ErrorCode::kDamaged,
                       fmt::format("{} is missing beside its write-ahead log. Nothing was changed. "
                                   "{}",
                                   path_, kAdviceAtStart));
    }
    auto made = MakeDatabase(Snapshot{});
    if (made) made = PlaceDatabase();
    if (!made) return std::unexpected(made.error());
  }
  return OpenAndLoad();
}

Expected<void> SqliteStore::Settle() {
  const auto version = database_.Climb();
  if (!version) return std::unexpected(version.error());
  if (*version < StateSchema::kVersion) {
    Log(LogLevel::kInfo, "the state was brought to this version's schema",
        {{"was", *version}, {"is", StateSchema::kVersion}});
    // So that the database alone, without its log, is of that schema, too.
    database_.Checkpoint();
  }
  return place_.Note();
}

void SqliteStore::Close() {
  if (sink_ != nullptr && !is_lost_ && place_.Check()) {
    // A clean end leaves one file that can be copied. Where it fails the log stays and is read
    // again.
    database_.Checkpoint();
  }
  database_.Close();
  database_.Advise(kAdviceAtStart);
  sink_ = nullptr;
  failure_.reset();
  is_lost_ = false;
  may_have_more_ = false;
  believed_.reset();
  backoff_.Reset();
  place_.Release();
}

void SqliteStore::Commit(std::vector<GroupWrite> writes, SteadyTime deadline, Ticket ticket,
                         Done done) {
  const std::size_t count = writes.size();
  const auto refuse = [&](const Error& error) {
    done(revision_, std::vector(count, Written{.error = error, .group = nullptr}));
  };
  if (const auto open = CheckOpen(); !open) return refuse(open.error());
  if (clock_.Now() >= deadline) {
    return refuse({ErrorCode::kUnavailable, "the time for this commit had run out"});
  }
  const Revision revision = revision_ + 1;
  auto written = WriteAndNote(writes, revision, deadline);
  if (!written) {
    OnFailure(written.error());
    return refuse(written.error());
  }
  std::vector<Change> changes;
  changes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    if ((*written)[i].error) continue;
    changes.push_back({.key = std::move(writes[i].key),
                       .revision = revision,
                       .after = (*written)[i].group,
                       .before = std::move(writes[i].before),
                       .origin = std::move(writes[i].origin)});
  }
  if (!changes.empty() || count == 0) {
    revision_ = revision;
    sink_->OnChanges(revision, changes, ticket);
    OnSuccess();
  }
  ticket.reset();
  done(revision_, *std::move(written));
  KeepLogShort();
}

void SqliteStore::KeepLogShort() {
  if (!database_.is_log_long()) return;
  database_.CheckpointLongLog();
  if (auto noted = place_.NoteWrite(); !noted) OnFailure(noted.error());
}

Expected<void> SqliteStore::CheckOpen() {
  if (sink_ == nullptr) return MakeError(ErrorCode::kUnavailable, "the store is not open");
  if (is_lost_) return MakeError(ErrorCode::kDamaged, failure_->message);
  auto ours = place_.Check();
  if (!ours) OnFailure(ours.error());
  return ours;
}

// What is written is there only if its files are: a commit to files that nobody will find is none.
Expected<std::vector<Store::Written>> SqliteStore::WriteAndNote(std::vector<GroupWrite>& writes,
                                                                Revision revision,
                                                                SteadyTime deadline) {
  auto written = database_.Write(writes, revision, deadline, clock_);
  auto noted = place_.NoteWrite();
  if (written && !noted) return MakeError(ErrorCode::kUncertain, noted.error().message);
  return written;
}

void SqliteStore::OnFailure(const Error& error) {
  is_lost_ = error.code != ErrorCode::kUnavailable;
  may_have_more_ = error.code == ErrorCode::kUncertain;
  if (is_lost_) due_ = SteadyTime::min();
  failure_ = error;
  sink_->OnWritable(failure_);
}

void SqliteStore::OnSuccess() {
  if (!failure_) return;
  failure_.reset();
  sink_->OnWritable(failure_);
}

std::optional<SteadyTime> SqliteStore::Tend(SteadyTime now) {
  if (sink_ == nullptr) return std::nullopt;
  if (now < due_) return due_;
  if (!is_lost_) Look();
  if (is_lost_ && !GoOn()) {
    due_ = now + backoff_.Next();
  } else {
    backoff_.Reset();
    due_ = now + kLookEvery;
  }
  return due_;
}

void SqliteStore::Look() {
  auto looked = place_.Check();
  if (looked && failure_) {
    std::vector<GroupWrite> none;
    if (auto tried = WriteAndNote(none, revision_, SteadyTime::max()); !tried) {
      looked = std::unexpected(std::move(tried.error()));
    }
  }
  if (looked) {
    OnSuccess();
  } else {
    OnFailure(looked.error());
  }
}

// What is really kept is the truth, as far as it goes on from what was told.
bool SqliteStore::GoOn() {
  if (!believed_) believed_ = sink_->Told();
  auto reopened = Reopen(*believed_);
  if (!reopened) {
    failure_ = std::move(reopened.error());
    sink_->OnWritable(failure_);
    return false;
  }
  if (reopened->made_whole) {
    Log(LogLevel::kWarning,
        "the state on the disk was gone or damaged, and was written again from memory",
        {{"revision", reopened->snapshot.revision}, {"groups", reopened->snapshot.groups.size()}});
  }
  believed_.reset();
  is_lost_ = false;
  may_have_more_ = false;
  revision_ = reopened->snapshot.revision;
  sink_->OnSnapshot(std::move(reopened->snapshot));
  OnSuccess();
  return true;
}

Expected<SqliteStore::Reopened> SqliteStore::Reopen(const Snapshot& believed) {
  database_.Close();
  auto reopened = OpenAgain(believed);
  if (reopened) {
    if (auto settled = Settle(); !settled) reopened = std::unexpected(std::move(settled.error()));
  }
  if (!reopened) database_.Close();
  return reopened;
}

Expected<SqliteStore::Reopened> SqliteStore::OpenAgain(const Snapshot& believed) {
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
    database_.Close();
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
  if (auto opened = database_.OpenAlone(path_); !opened) return opened;
  const auto alone = database_.Load();
  if (!alone) return std::unexpected(alone.error());
  database_.Close();
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
        is_believed && (*ours)->revision == group->revision && (*ours)->text == group->text;
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
  return StateDatabase::Make(fresh, groups);
}

Expected<void> SqliteStore::PlaceDatabase() {
  const std::string fresh = path_ + ".new";
  if (const auto error = RenameOntoNothing(AT_FDCWD, fresh, AT_FDCWD, path_)) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot rename {} to {}: {}", fresh, path_, error.message()));
  }
  return {};
}

Expected<Snapshot> SqliteStore::OpenAndLoad() {
  // At every start: the one that made the file may have ended before this.
  const std::string directory = std::filesystem::path(path_).parent_path();
  if (!SyncDirectory(directory)) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot sync the state directory {}: {}",
                                                 directory, SystemError(errno)));
  }
  if (auto opened = database_.Open(path_); !opened) return std::unexpected(opened.error());
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path_, error);
  // In memory, groups take some twice of what they do in the file.
  const HeapRoom room(error ? 0 : 2 * bytes);
  return database_.Load();
}

}  // namespace target_eye
