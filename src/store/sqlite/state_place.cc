#include "store/sqlite/state_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "util/make_directory.h"
#include "util/rename_onto_nothing.h"
#include "util/sha256.h"

namespace target_eye {
namespace {

constexpr const char* kDatabaseName = "state.db";
constexpr const char* kLogName = "state.db-wal";

std::string SystemError(int code) { return std::generic_category().message(code); }

}  // namespace

Expected<void> StatePlace::Take() {
  if (auto made = MakeDirectory(); !made) return made;
  if (volume_ && !IsOn(volume_, directory_) &&
      access(fmt::format("{}/{}", directory_, kDatabaseName).c_str(), F_OK) != 0) {
    return std::unexpected(Elsewhere());
  }
  // SQLite is told to follow no symbolic link, in no part of the path; one above our folder is the
  // operator's own.
  std::error_code error;
  const std::string canonical = std::filesystem::canonical(directory_, error).string();
  if (error) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot use the state directory {}: {}",
                                                 directory_, error.message()));
  }
  struct stat now{};
  struct stat held{};
  const bool is_held = locked_directory_ && fstat(locked_directory_.get(), &held) == 0 &&
                       stat(canonical.c_str(), &now) == 0 && held.st_dev == now.st_dev &&
                       held.st_ino == now.st_ino;
  if (!is_held) {
    if (!claim_) {
      auto claim = ClaimName(canonical);
      if (!claim) return std::unexpected(claim.error());
      claim_ = std::move(*claim);
    }
    auto directory = LockDirectory(canonical);
    if (!directory) return std::unexpected(directory.error());
    auto lock = LockFile(canonical);
    if (!lock) return std::unexpected(lock.error());
    locked_directory_ = std::move(*directory);
    lock_ = std::move(*lock);
  }
  database_ = canonical + "/" + kDatabaseName;
  log_ = canonical + "/" + kLogName;
  if (!volume_) {
    volume_ = VolumeOf(directory_);
    parent_volume_ = VolumeOf(Parent());
  }
  return {};
}

void StatePlace::Release() {
  claim_.Reset();
  volume_.reset();
  lock_.Reset();
  locked_directory_.Reset();
}

std::string StatePlace::Parent() const {
  std::filesystem::path path = directory_;
  if (!path.has_filename()) path = path.parent_path();  // A slash at its end.
  const std::string parent = path.parent_path();
  return parent.empty() ? "." : parent;
}

Expected<void> StatePlace::MakeDirectory() {
  struct stat status{};
  if (stat(directory_.c_str(), &status) == 0) return {};
  if (volume_ && !IsOn(parent_volume_, Parent())) {
    return std::unexpected(Elsewhere());
  }
  // A link to nowhere, or what may not be looked at, is told of when it is used.
  std::error_code error;
  const bool made = MakeDirectoryAt(AT_FDCWD, directory_, 0755, error);
  if (!error) return {};
  // The next try must find it missing, and sync it.
  if (made) rmdir(directory_.c_str());
  return MakeError(ErrorCode::kIo,
                   fmt::format("cannot make the state directory {}: {}; make it, or set "
                               "STATE_DIRECTORY to a directory that this user may write",
                               directory_, error.message()));
}

Expected<UniqueFd> StatePlace::LockDirectory(const std::string& canonical) {
  UniqueFd directory(open(canonical.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot use the state directory {}: {}", canonical,
                                                 SystemError(errno)));
  }
  // Holds where somebody removes the lock file. A file system that cannot lock directories leaves
  // it to that file.
  if (flock(directory.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return std::unexpected(InUse(canonical, HolderOf(canonical)));
  }
  return directory;
}

Expected<UniqueFd> StatePlace::LockFile(const std::string& canonical) {
  const std::string path = canonical + "/lock";
  UniqueFd lock(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!lock) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot open {}: {}; the state directory must be writable by the "
                                 "user that target-eye runs as",
                                 path, SystemError(errno)));
  }
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return std::unexpected(InUse(canonical, HolderOf(canonical)));
  const std::string process = fmt::format("{}\n", getpid());
  if (ftruncate(lock.get(), 0) != 0 || pwrite(lock.get(), process.data(), process.size(), 0) < 0) {
    // The id only makes a message better; the lock is what counts.
    return lock;
  }
  return lock;
}

std::string StatePlace::HolderOf(const std::string& canonical) {
  const UniqueFd lock(open((canonical + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, 32> holder{};
  const ssize_t size = lock ? pread(lock.get(), holder.data(), holder.size() - 1, 0) : 0;
  const std::string_view process(holder.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  return std::string(process.substr(0, process.find_first_not_of("0123456789")));
}

Error StatePlace::InUse(const std::string& canonical, std::string_view process) {
  return {ErrorCode::kInUse,
          fmt::format("the state directory {} is in use by another target-eye{}; stop "
                      "that one, or give this one another directory",
                      canonical, process.empty() ? "" : fmt::format(" (process {})", process))};
}

// A name of the kernel's for this directory in what it is in, which nobody can remove as they can a
// file: it ends with the process. Known within one network namespace only, so that it stands beside
// the locks, and does not take their place. None where the system has no such names.
Expected<UniqueFd> StatePlace::ClaimName(const std::string& canonical) const {
  const std::filesystem::path path = canonical;
  struct stat parent{};
  UniqueFd claim(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!claim || stat(path.parent_path().c_str(), &parent) != 0) return UniqueFd();
  const Sha256Digest digest = Sha256(path.filename().string());
  const std::string name = fmt::format("target-eye state {}:{} {}", parent.st_dev, parent.st_ino,
                                       std::string(digest.begin(), digest.end()));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);  // A NUL before it: no file.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as the sockets API has it
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  if (bind(claim.get(), generic, size) == 0) {
    // Whoever asks who holds it stays in this queue.
    listen(claim.get(), SOMAXCONN);
    return claim;
  }
  if (errno != EADDRINUSE) return UniqueFd();
  const UniqueFd caller(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ucred holder{};
  socklen_t holder_size = sizeof holder;
  // Anybody may take any name: who is not known to be one of us must not keep us from starting.
  if (connect(caller.get(), generic, size) != 0 ||
      getsockopt(caller.get(), SOL_SOCKET, SO_PEERCRED, &holder, &holder_size) != 0 ||
      holder.uid != geteuid()) {
    return UniqueFd();
  }
  return std::unexpected(
      InUse(canonical, holder.pid > 0 ? fmt::format("{}", holder.pid) : std::string()));
}

Error StatePlace::Elsewhere() const {
  return {ErrorCode::kDamaged,
          fmt::format("the state is gone: {} is on another file system than before, and holds no "
                      "state.db. Mount what was there, and target-eye goes on by itself; or "
                      "restart it, to begin with what is there now",
                      directory_)};
}

std::optional<StatePlace::Volume> StatePlace::VolumeOf(const std::string& path) {
  struct statx extended{};
  if (statx(AT_FDCWD, path.c_str(), 0, STATX_TYPE | STATX_MNT_ID, &extended) == 0) {
    const bool tells = (extended.stx_mask & STATX_MNT_ID) != 0;
    return Volume{.device = gnu_dev_makedev(extended.stx_dev_major, extended.stx_dev_minor),
                  .mount = tells ? extended.stx_mnt_id : 0};
  }
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return Volume{.device = status.st_dev, .mount = 0};
}

bool StatePlace::IsOn(const std::optional<Volume>& volume, const std::string& path) {
  const auto now = VolumeOf(path);
  return volume && now && now->device == volume->device &&
         (now->mount == volume->mount || now->mount == 0 || volume->mount == 0);
}

Expected<StatePlace::Mark> StatePlace::MarkOf(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) == 0) {
    return Mark{.device = status.st_dev,
                .inode = status.st_ino,
                .size = status.st_size,
                .modified_ns =
                    std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
  }
  if (errno == ENOENT || errno == ENOTDIR) {
    return MakeError(ErrorCode::kDamaged, fmt::format("{} is gone", path));
  }
  return MakeError(ErrorCode::kIo, fmt::format("cannot look at {}: {}", path, SystemError(errno)));
}

Expected<void> StatePlace::Note() {
  auto database = MarkOf(database_);
  if (!database) return std::unexpected(database.error());
  auto log = MarkOf(log_);
  if (!log) return std::unexpected(log.error());
  noted_database_ = *database;
  noted_log_ = *log;
  return {};
}

Expected<StatePlace::Mark> StatePlace::SameFile(const char* name, const Mark& noted) const {
  // By the path that was given: what was a link may lead elsewhere now.
  const std::string path = directory_ + "/" + name;
  auto now = MarkOf(path);
  if (!now) return MakeError(ErrorCode::kDamaged, now.error().message);
  if (now->device != noted.device || now->inode != noted.inode) {
    return MakeError(ErrorCode::kDamaged,
                     fmt::format("{} is another file than the one that is open", path));
  }
  return now;
}

Expected<void> StatePlace::NoteWrite() {
  const auto database = SameFile(kDatabaseName, noted_database_);
  if (!database) return std::unexpected(database.error());
  noted_database_ = *database;
  const auto log = SameFile(kLogName, noted_log_);
  if (!log) return std::unexpected(log.error());
  noted_log_ = *log;
  return {};
}

Error StatePlace::WrittenTo(const char* name) const {
  return {ErrorCode::kDamaged, fmt::format("somebody else has written to {}/{}", directory_, name)};
}

Expected<void> StatePlace::CheckDatabaseFile() const {
  const auto now = SameFile(kDatabaseName, noted_database_);
  if (!now) return std::unexpected(now.error());
  if (now->size != noted_database_.size) return std::unexpected(WrittenTo(kDatabaseName));
  return {};
}

Expected<void> StatePlace::SameDatabase() const {
  const auto now = SameFile(kDatabaseName, noted_database_);
  if (!now) return std::unexpected(now.error());
  if (now->size == noted_database_.size && now->modified_ns == noted_database_.modified_ns) {
    return {};
  }
  return std::unexpected(WrittenTo(kDatabaseName));
}

// Its time is not looked at: it is written to all the time, and some file systems set it late.
Expected<void> StatePlace::SameLog() const {
  const auto now = SameFile(kLogName, noted_log_);
  if (!now) return std::unexpected(now.error());
  if (now->size == noted_log_.size) return {};
  return std::unexpected(WrittenTo(kLogName));
}

bool StatePlace::HasLog() const {
  const auto log = MarkOf(log_);
  return log ? log->size > 0 : log.error().code != ErrorCode::kDamaged;
}

bool StatePlace::IsLogOurs() const { return SameFile(kLogName, noted_log_).has_value(); }

Expected<void> StatePlace::Check() const {
  if (auto same = SameDatabase(); !same) return same;
  return SameLog();
}

bool StatePlace::IsDatabaseOurs() const { return SameDatabase().has_value(); }

Expected<std::string> StatePlace::PutAside() {
  const std::string directory = std::filesystem::path(database_).parent_path();
  for (int number = 1; number <= kMostPutAside; ++number) {
    std::string database = fmt::format("{}/put-aside-{}.db", directory, number);
    const std::string log = database + "-wal";
    struct stat status{};
    if (lstat(database.c_str(), &status) == 0 || lstat(log.c_str(), &status) == 0) continue;
    // The database first: a log without it is what a start would stop at, and not the reverse.
    for (const auto& [from, to] : {std::pair(database_, database), std::pair(log_, log)}) {
      const auto error = RenameOntoNothing(AT_FDCWD, from, AT_FDCWD, to);
      if (error && error != std::errc::no_such_file_or_directory) {
        return MakeError(ErrorCode::kIo,
                         fmt::format("cannot move {} to {}: {}", from, to, error.message()));
      }
    }
    return database;
  }
  return MakeError(ErrorCode::kDamaged,
                   fmt::format("{} states were put aside in {} already: look at put-aside-*, and "
                               "move them away",
                               kMostPutAside, directory));
}

}  // namespace target_eye
