#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "util/file_mark.h"
#include "util/unique_fd.h"

namespace target_eye {

// All of these set `error` (a value of errno) if they fail, and clear it if they succeed. Safe to
// call from any thread.

// Opens a directory for the calls below; follows no symbolic link in its last component.
UniqueFd OpenDirectory(const std::string& path, std::error_code& error);

// Creates `name` in `parent` with `mode` (MakeDirectoryAt) unless it is a directory already, and
// opens it. Anything else of that name, a symbolic link too, is an error (ENOTDIR or ELOOP).
UniqueFd OpenOrMakeDirectoryAt(int parent, const std::string& name, mode_t mode,
                               std::error_code& error);

// The names in `directory` except `.` and `..`, of whatever kind, sorted.
std::vector<std::string> ListDirectory(int directory, std::error_code& error);

enum class ReplaceOutcome { kWritten, kUnchanged };

// Makes `name` in `directory` hold exactly the concatenation of `pieces`.
//
// If it does already, and everybody may read it, it is not touched: kUnchanged. Otherwise the bytes
// are written to `name` in `staging` (created O_EXCL, mode 0644 whatever the umask, a leftover of
// an earlier run removed first), synced, and renamed into place. So a reader sees the old file or
// the new one, whole, and a watcher of `directory` sees one event. `staging` must be on the same
// file system. On an error the old file is as it was and nothing is left in `staging`. Follows no
// symbolic link. Left alone, with an error, are a symbolic link (ELOOP), a directory (EISDIR),
// anything else that is not a regular file (EINVAL), and a mount over the file (EBUSY).
ReplaceOutcome ReplaceFileAt(int directory, int staging, const std::string& name,
                             std::span<const std::string_view> pieces, std::error_code& error);

struct FileText {
  std::string name;
  std::vector<std::string_view> pieces;
};

struct ReplacedFile {
  std::error_code error;
  bool written = false;
  // What the file looks like while it holds the bytes; if that is not known, a mark that equals no
  // file's.
  FileMark mark;
};

// Called for a file that exists and holds something else, just before it is replaced, so that what
// it holds can be kept. If it returns false, the file stays as it is.
using BeforeReplacing = std::function<bool(const std::string& name)>;

// ReplaceFileAt for several files, in order; many are synced at once, which takes a fraction of the
// time. Each file is replaced at once, but not all of them together. If something is in the way of
// one file, or `before` returns false for it (EEXIST), the others are replaced all the same. Any
// other error, such as one of the disk, stops: the files that were not reached get ECANCELED.
std::vector<ReplacedFile> ReplaceFilesAt(int directory, int staging,
                                         std::span<const FileText> files,
                                         const BeforeReplacing& before = {});

// Reads the file `name` of `directory`, at most `limit_bytes` (EFBIG above that). Anything that is
// not a regular file is refused as by ReplaceFileAt.
std::string ReadFileAt(int directory, const std::string& name, std::size_t limit_bytes,
                       std::error_code& error);

}  // namespace target_eye
