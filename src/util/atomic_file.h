#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace target_eye {

// A file descriptor that is closed when it goes out of scope; -1 holds none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int Release() noexcept;
  void Reset() noexcept;

 private:
  int fd_ = -1;
};

// All of these set `error` (a value of errno) where they fail and clear it where they do not. Safe
// to call from any thread.

// Opens a directory for the calls below; follows no symbolic link in its last component.
UniqueFd OpenDirectory(const std::string& path, std::error_code& error);

// Creates `name` in `parent` with `mode` (less the umask) unless it is a directory already, and
// opens it. Anything else of that name, a symbolic link too, is an error (ENOTDIR or ELOOP).
UniqueFd OpenOrMakeDirectoryAt(int parent, const std::string& name, mode_t mode,
                               std::error_code& error);

// The names in `directory` but `.` and `..`, of whatever kind, sorted.
std::vector<std::string> ListDirectory(int directory, std::error_code& error);

enum class ReplaceOutcome { kWritten, kUnchanged };

// Makes `name` in `directory` hold exactly the concatenation of `pieces`.
//
// Where it does already, it is not touched: kUnchanged. Otherwise the bytes are written to `name`
// in `staging` (created O_EXCL, mode 0644 whatever the umask, a leftover of an earlier run removed
// first), synced, and renamed into place, so that a reader sees the old file or the new one, whole,
// and a watcher of `directory` sees one event. `staging` must be on the same file system. On an
// error the old file is as it was and nothing is left in `staging`. Follows no symbolic link: where
// `name` is one it is left alone (ELOOP), as are a directory (EISDIR) and anything else that is no
// regular file (EINVAL).
ReplaceOutcome ReplaceFileAt(int directory, int staging, const std::string& name,
                             std::span<const std::string_view> pieces, std::error_code& error);

struct FileText {
  std::string name;
  std::vector<std::string_view> pieces;
};

struct ReplacedFiles {
  std::size_t written = 0;
  std::string failed;  // The file that `error` is about; empty where it is about all.
};

// ReplaceFileAt for several files, in their order; many are synced at once, which takes a fraction
// of the time. Each file is seen whole, not all together: on an error those that were not reached
// are as they were.
ReplacedFiles ReplaceFilesAt(int directory, int staging, std::span<const FileText> files,
                             std::error_code& error);

// Reads the file `name` of `directory`, at most `limit_bytes` (EFBIG above that). What is no
// regular file is refused as by ReplaceFileAt.
std::string ReadFileAt(int directory, const std::string& name, std::size_t limit_bytes,
                       std::error_code& error);

}  // namespace target_eye
