#include "util/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "util/make_directory.h"

namespace target_eye {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kVectors = 1024;  // IOV_MAX on Linux.

std::error_code LastError() { return {errno, std::generic_category()}; }

std::error_code ErrorOf(int number) { return {number, std::generic_category()}; }

// What stands in the way where `name` is there and no regular file; nothing if it may be opened.
std::error_code RefuseIrregular(mode_t mode) {
  if (S_ISREG(mode)) return {};
  if (S_ISLNK(mode)) return ErrorOf(ELOOP);
  if (S_ISDIR(mode)) return ErrorOf(EISDIR);
  return ErrorOf(EINVAL);
}

// Reads up to `size` bytes; fewer only at the end of the file. -1 on an error.
ssize_t ReadFully(int fd, char* buffer, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = read(fd, buffer + got, size - got);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    got += static_cast<std::size_t>(n);
  }
  return static_cast<ssize_t>(got);
}

// Whether the rest of the file is exactly `pieces`; a file that cannot be read is not.
bool Holds(int fd, std::span<const std::string_view> pieces) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kChunkBytes);
  std::size_t have = 0;
  std::size_t used = 0;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      if (used == have) {
        const ssize_t n = ReadFully(fd, buffer.get(), kChunkBytes);
        if (n <= 0) return false;
        have = static_cast<std::size_t>(n);
        used = 0;
      }
      const std::size_t step = std::min(piece.size(), have - used);
      if (std::memcmp(buffer.get() + used, piece.data(), step) != 0) return false;
      used += step;
      piece.remove_prefix(step);
    }
  }
  return used == have && ReadFully(fd, buffer.get(), 1) == 0;
}

std::error_code WriteOut(int fd, std::span<iovec> vectors) {
  while (!vectors.empty()) {
    const ssize_t n = writev(fd, vectors.data(), static_cast<int>(vectors.size()));
    if (n < 0) {
      if (errno == EINTR) continue;
      return LastError();
    }
    if (n == 0) return ErrorOf(EIO);
    auto left = static_cast<std::size_t>(n);
    while (!vectors.empty() && left >= vectors.front().iov_len) {
      left -= vectors.front().iov_len;
      vectors = vectors.subspan(1);
    }
    if (left > 0) {
      vectors.front().iov_base = static_cast<char*>(vectors.front().iov_base) + left;
      vectors.front().iov_len -= left;
    }
  }
  return {};
}

std::error_code WritePieces(int fd, std::span<const std::string_view> pieces) {
  std::array<iovec, kVectors> vectors;
  std::size_t count = 0;
  for (const std::string_view piece : pieces) {
    if (piece.empty()) continue;
    // writev only reads, but iovec serves readv too.
    vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
    if (count == vectors.size()) {
      if (const auto error = WriteOut(fd, vectors)) return error;
      count = 0;
    }
  }
  return WriteOut(fd, std::span(vectors).first(count));
}

enum class Sync { kNow, kLater };

// Makes a new file `name` in `staging` with `pieces`; if `sync` is kNow, it is on the disk when it
// returns.
std::error_code Stage(int staging, const char* name, std::span<const std::string_view> pieces,
                      Sync sync, FileMark& mark) {
  if (unlinkat(staging, name, 0) != 0 && errno != ENOENT) return LastError();
  const UniqueFd file(
      openat(staging, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) return LastError();
  if (fchmod(file.get(), 0644) != 0) return LastError();
  if (const auto error = WritePieces(file.get(), pieces)) return error;
  if (sync == Sync::kNow && fdatasync(file.get()) != 0) return LastError();
  std::error_code error;
  mark = MarkOf(file.get(), error);
  return error;
}

// Whether an access list may keep somebody from reading what the mode lets everybody read. Where
// the directory gives each new file such a list, it is meant to be there.
bool HasOwnAccessList(int directory, int file) {
  return fgetxattr(file, "system.posix_acl_access", nullptr, 0) > 0 &&
         fgetxattr(directory, "system.posix_acl_default", nullptr, 0) <= 0;
}

// Whether `name` holds exactly `pieces`, for everybody to read; then `mark` is what it looks like.
// An error if it must not be replaced.
bool IsUnchanged(int directory, const std::string& name, std::span<const std::string_view> pieces,
                 FileMark& mark, std::error_code& error) {
  std::uint64_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  const FileMark seen = MarkOf(directory, name, error);
  if (error) {
    if (error == std::errc::no_such_file_or_directory) error.clear();
    return false;
  }
  error = RefuseIrregular(seen.mode);
  if (error) return false;
  if (seen.size == size && IsReadableByAll(seen)) {
    const UniqueFd old(
        openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    // Before it is read, so that a change in the midst of it is one of the mark.
    mark = old ? MarkOf(old.get(), error) : FileMark{};
    if (old && !error && !HasOwnAccessList(directory, old.get()) && Holds(old.get(), pieces)) {
      return true;
    }
    error.clear();
  }
  // What is mounted there can be neither replaced nor removed.
  if (seen.is_mount) error = ErrorOf(EBUSY);
  return false;
}

// Renames the file that was staged, which looked like `mark`, and says what it looks like now.
std::error_code Install(int directory, int staging, const std::string& name,
                        const BeforeReplacing& before, FileMark& mark) {
  if (before && faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
      !before(name)) {
    return ErrorOf(EEXIST);
  }
  if (renameat(staging, name.c_str(), directory, name.c_str()) != 0) return LastError();
  std::error_code error;
  const FileMark now = MarkOf(directory, name, error);
  // The renaming itself is a change. Where it is another file already, the old mark fits none.
  FileMark expected = mark;
  expected.changed_ns = now.changed_ns;
  if (!error && now == expected) mark = now;
  return {};
}

ReplacedFile ReplaceOne(int directory, int staging, const std::string& name,
                        std::span<const std::string_view> pieces, const BeforeReplacing& before) {
  ReplacedFile file;
  if (IsUnchanged(directory, name, pieces, file.mark, file.error) || file.error) return file;
  file.error = Stage(staging, name.c_str(), pieces, Sync::kNow, file.mark);
  if (!file.error) file.error = Install(directory, staging, name, before, file.mark);
  file.written = !file.error;
  if (file.error) unlinkat(staging, name.c_str(), 0);
  return file;
}

// From this many files on they are synced with their file system at once.
constexpr std::size_t kSyncTogether = 8;

// Whether the error is about one file, and not about the directory or the disk.
bool IsInTheWay(const std::error_code& error) {
  return error == ErrorOf(ELOOP) || error == ErrorOf(EISDIR) || error == ErrorOf(EINVAL) ||
         error == ErrorOf(EBUSY) || error == ErrorOf(EPERM) || error == ErrorOf(EEXIST);
}

// ReplaceFilesAt in two passes.
void ReplaceTogether(int directory, int staging, std::span<const FileText> files,
                     const BeforeReplacing& before, std::span<ReplacedFile> replaced) {
  std::vector<std::size_t> staged;
  std::error_code end;  // What ends it for all.
  for (std::size_t i = 0; i < files.size() && !end; ++i) {
    auto& [error, written, mark] = replaced[i];
    error.clear();
    const auto& [name, pieces] = files[i];
    if (!IsUnchanged(directory, name, pieces, mark, error) && !error) {
      staged.push_back(i);
      error = Stage(staging, name.c_str(), pieces, Sync::kLater, mark);
    }
    if (error && !IsInTheWay(error)) end = error;
  }
  // An old file is better than one that a power cut may empty.
  if (!end && !staged.empty() && syncfs(staging) != 0) end = LastError();
  for (const std::size_t i : staged) {
    auto& [error, written, mark] = replaced[i];
    if (!error) error = end;
    if (!error) error = Install(directory, staging, files[i].name, before, mark);
    written = !error;
    if (error) unlinkat(staging, files[i].name.c_str(), 0);
  }
}

}  // namespace

UniqueFd OpenDirectory(const std::string& path, std::error_code& error) {
  error.clear();
  UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) error = LastError();
  return directory;
}

UniqueFd OpenOrMakeDirectoryAt(int parent, const std::string& name, mode_t mode,
                               std::error_code& error) {
  MakeDirectoryAt(parent, name, mode, error);
  if (error) return {};
  UniqueFd directory(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) error = LastError();
  return directory;
}

std::vector<std::string> ListDirectory(int directory, std::error_code& error) {
  error.clear();
  // A descriptor of its own: the reading position belongs to the open file description.
  UniqueFd copy(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, decltype([](DIR* d) { closedir(d); })> stream(
      copy ? fdopendir(copy.get()) : nullptr);
  if (!stream) {
    error = LastError();
    return {};
  }
  copy.Release();
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) error = LastError();
  std::sort(names.begin(), names.end());
  return names;
}

ReplaceOutcome ReplaceFileAt(int directory, int staging, const std::string& name,
                             std::span<const std::string_view> pieces, std::error_code& error) {
  const ReplacedFile replaced = ReplaceOne(directory, staging, name, pieces, {});
  error = replaced.error;
  return replaced.written ? ReplaceOutcome::kWritten : ReplaceOutcome::kUnchanged;
}

std::vector<ReplacedFile> ReplaceFilesAt(int directory, int staging,
                                         std::span<const FileText> files,
                                         const BeforeReplacing& before) {
  std::vector<ReplacedFile> replaced(files.size(),
                                     {.error = ErrorOf(ECANCELED), .written = false, .mark = {}});
  if (files.size() >= kSyncTogether) {
    ReplaceTogether(directory, staging, files, before, replaced);
    return replaced;
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    replaced[i] = ReplaceOne(directory, staging, files[i].name, files[i].pieces, before);
    if (replaced[i].error && !IsInTheWay(replaced[i].error)) break;
  }
  return replaced;
}

std::string ReadFileAt(int directory, const std::string& name, std::size_t limit_bytes,
                       std::error_code& error) {
  error.clear();
  // Looked at before it is opened, since opening a device may do something.
  struct stat status{};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    error = LastError();
    return {};
  }
  error = RefuseIrregular(status.st_mode);
  if (error) return {};
  const UniqueFd file(
      openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) {
    error = LastError();
    return {};
  }
  std::string text;
  for (;;) {
    const std::size_t before = text.size();
    // One byte more than allowed tells a file that is too big from one that just fits.
    const std::size_t step = std::min(kChunkBytes, limit_bytes + 1 - before);
    text.resize(before + step);
    const ssize_t n = ReadFully(file.get(), text.data() + before, step);
    if (n < 0) {
      error = LastError();
      return {};
    }
    text.resize(before + static_cast<std::size_t>(n));
    if (text.size() > limit_bytes) {
      error = ErrorOf(EFBIG);
      return {};
    }
    if (static_cast<std::size_t>(n) < step) return text;
  }
}

}  // namespace target_eye
