#pragma once

#include <span>
#include <string>

#include "model/error.h"

namespace target_eye {

// Becomes `user` (a name or an id), with its groups, or with `group` alone if that is given;
// `files`, which were made before, become theirs. With both empty, does nothing. Only root can
// change its user; for others it is an error unless they are that user already.
Expected<void> DropPrivileges(const std::string& user, const std::string& group,
                              std::span<const std::string> files);

// Allows this process as many open files, and so connections, as the system lets it without more
// rights.
void RaiseOpenFilesLimit();

// Writes the process's id as a line to `path`; does nothing if `path` is empty.
Expected<void> WritePidFile(const std::string& path);

// Whether WritePidFile would succeed; has its message if not. Makes an empty file if there is none,
// and does not change one that is there.
Expected<void> TryPidFile(const std::string& path);
// Removes it if it still holds this process's id.
void RemovePidFile(const std::string& path);

}  // namespace target_eye
