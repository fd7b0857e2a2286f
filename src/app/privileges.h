#pragma once

#include <span>
#include <string>

#include "model/error.h"

namespace target_eye {

// Becomes `user` (a name or an id), with its groups, or with `group` alone where that is given;
// `files`, made before, become theirs. Empty: nothing is done. Only root may; anybody else gets an
// Error unless it is them already.
Expected<void> DropPrivileges(const std::string& user, const std::string& group,
                              std::span<const std::string> files);

// As many open files, and so connections, as the system allows without being asked.
void RaiseOpenFilesLimit();

// The process's id as a line in `path`; nothing where `path` is empty.
Expected<void> WritePidFile(const std::string& path);

// Whether WritePidFile could, with its message. Makes an empty file where there is none, and leaves
// what is in one that is there.
Expected<void> TryPidFile(const std::string& path);
// Removes it if it still holds this process's id.
void RemovePidFile(const std::string& path);

}  // namespace target_eye
