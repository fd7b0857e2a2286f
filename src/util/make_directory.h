#pragma once

#include <sys/types.h>

#include <string>
#include <system_error>

namespace target_eye {

// Both set `error` (a value of errno) if they fail, and clear it if they succeed. What they make
// has the mode that is given, whatever the umask, and its entry is on the disk when they return.
// What is there already stays as it is. Safe to call from any thread.

// Makes the directory `name` in `parent` (with AT_FDCWD, `name` is a path). False if something of
// that name is there, of whatever kind.
bool MakeDirectoryAt(int parent, const std::string& name, mode_t mode, std::error_code& error);

// Makes the directory `path` and those above it that are missing. False if it was there, or is
// named by a link. Anything else of that name is an error (ENOTDIR, or EEXIST for a link to
// nothing).
bool MakeDirectories(const std::string& path, mode_t mode, std::error_code& error);

}  // namespace target_eye
