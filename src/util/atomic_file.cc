#include "util/atomic_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "util/guarded_replace.h"

namespace target_eye {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
constexpr std::size_t kVectors = 1024;  // IOV_MAX on Linux.

std::error_code LastError() { return {errno, std::generic_category()}; }

std::error_code ErrorOf(int number) { return {number, std::generic_category()}; }

// What stands in the way where `name` is there and no regular file; nothing where it may be opened.
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

// Makes `name` in `staging` anew with `pieces`, on the disk when it returns if `sync` is kNow.
std::error_code Stage(int staging, const char* name, std::span<const std::string_view> pieces,
                      Sync sync) {
  if (unlinkat(staging, name, 0) != 0 && errno != ENOENT) return LastError();
  const UniqueFd file(
      openat(staging, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) return LastError();
  if (fchmod(file.get(), 0644) != 0) return LastError();
  if (const auto error = WritePieces(file.get(), pieces)) return error;
  if (sync == Sync::kNow && fdatasync(file.get()) != 0) return LastError();
  return {};
}

// Whether `name` holds exactly `pieces`. An error where it must not be replaced.
bool IsUnchanged(int directory, const char* name, std::span<const std::string_view> pieces,
                 std::error_code& error) {
  std::uintmax_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  struct stat status{};
  if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) error = LastError();
    return false;
  }
  error = RefuseIrregular(status.st_mode);
  if (error || std::cmp_not_equal(status.st_size, size)) return false;
  const UniqueFd old(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return old && Holds(old.get(), pieces);
}

std::error_code Install(int directory, int staging, const std::string& name,
                        const BeforeReplacing& before) {
  if (before && faccessat(directory, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
    if (const auto error = before(name)) return error;
  }
  return renameat(staging, name.c_str(), directory, name.c_str()) == 0 ? std::error_code()
                                                                       : LastError();
}

ReplaceOutcome ReplaceOne(int directory, int staging, const std::string& name,
                          std::span<const std::string_view> pieces, std::error_code& error,
                          const BeforeReplacing& before) {
  error.clear();
  if (IsUnchanged(directory, name.c_str(), pieces, error) || error) {
    return ReplaceOutcome::kUnchanged;
  }
  error = Stage(staging, name.c_str(), pieces, Sync::kNow);
  if (!error) error = Install(directory, staging, name, before);
  if (!error) return ReplaceOutcome::kWritten;
  unlinkat(staging, name.c_str(), 0);
  return ReplaceOutcome::kUnchanged;
}

// From this many files on they are synced with their file system at once.
constexpr std::size_t kSyncTogether = 8;

// ReplaceFilesAt in two passes; `staged` gets the files that are to be removed from `staging` after
// an error.
ReplacedFiles ReplaceTogether(int directory, int staging, std::span<const FileText> files,
                              std::vector<const FileText*>& staged, std::error_code& error,
                              const BeforeReplacing& before) {
  for (const FileText& file : files) {
    const bool unchanged = IsUnchanged(directory, file.name.c_str(), file.pieces, error);
    if (!error && !unchanged) {
      staged.push_back(&file);
      error = Stage(staging, file.name.c_str(), file.pieces, Sync::kLater);
    }
    if (error) return {0, file.name};
  }
  if (!staged.empty() && syncfs(staging) != 0) {
    error = LastError();
    return {};
  }
  ReplacedFiles replaced;
  for (const FileText* file : staged) {
    error = Install(directory, staging, file->name, before);
    if (error) return {replaced.written, file->name};
    ++replaced.written;
  }
  return replaced;
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int UniqueFd::Release() noexcept { return std::exchange(fd_, -1); }

void UniqueFd::Reset() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

UniqueFd OpenDirectory(const std::string& path, std::error_code& error) {
  error.clear();
  UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) error = LastError();
  return directory;
}

UniqueFd OpenOrMakeDirectoryAt(int parent, const std::string& name, mode_t mode,
                               std::error_code& error) {
  error.clear();
  if (mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST) {
    error = LastError();
    return {};
  }
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
  return ReplaceOne(directory, staging, name, pieces, error, {});
}

ReplacedFiles ReplaceFilesAt(int directory, int staging, std::span<const FileText> files,
                             std::error_code& error) {
  return ReplaceFilesAt(directory, staging, files, error, {});
}

ReplacedFiles ReplaceFilesAt(int directory, int staging, std::span<const FileText> files,
                             std::error_code& error, const BeforeReplacing& before) {
  error.clear();
  ReplacedFiles replaced;
  if (files.size() < kSyncTogether) {
    for (const FileText& file : files) {
      const auto outcome = ReplaceOne(directory, staging, file.name, file.pieces, error, before);
      if (error) return {replaced.written, file.name};
      if (outcome == ReplaceOutcome::kWritten) ++replaced.written;
    }
    return replaced;
  }
  std::vector<const FileText*> staged;
  replaced = ReplaceTogether(directory, staging, files, staged, error, before);
  if (error) {
    // Those that were renamed already are not there any more.
    for (const FileText* file : staged) unlinkat(staging, file->name.c_str(), 0);
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
