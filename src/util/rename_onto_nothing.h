#pragma once

#include <string>
#include <system_error>

namespace target_eye {

// Renames `from` in the directory `from_directory` to `to` in `to_directory` (AT_FDCWD: they are
// paths), and never replaces what is there: EEXIST then. Not durable before both directories are
// synced. On a file system that cannot do that in one step (renameat2), the name is looked at
// first: then nobody else may write to `to_directory` meanwhile. Safe to call from any thread.
std::error_code RenameOntoNothing(int from_directory, const std::string& from, int to_directory,
                                  const std::string& to);

}  // namespace target_eye
