#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "model/error.h"
#include "util/atomic_file.h"

namespace target_eye {

// What the files beside the publisher share: opening the folders, and errors that name a path.

inline std::error_code LastError() { return {errno, std::generic_category()}; }

// kIo: `cannot <what> <path>: <the system's reason>`.
std::unexpected<Error> IoError(std::string_view what, const std::string& path,
                               const std::error_code& error);

// The watched directory and its hidden folder; either may be missing.
struct Folders {
  std::string path;
  UniqueFd directory;
  UniqueFd hidden;

  // The path of `name` in the hidden folder, for a message.
  std::string PathOf(std::string_view name) const;
};

// Opens what is there. That something is missing is no error.
Expected<Folders> OpenFolders(const std::string& path);

// Opens them, makes the hidden folder and the staging folder in it if they are missing, and returns
// the latter.
Expected<UniqueFd> MakeFolders(Folders& folders);

// The text of the file `name` in the hidden folder, at most kNameListLimitBytes; empty if it is
// missing.
Expected<std::string> ReadHidden(const Folders& folders, const std::string& name);

// Makes it hold `text`, durably. The hidden folder must be there.
Expected<void> WriteHidden(const Folders& folders, const UniqueFd& staging, const std::string& name,
                           std::string_view text);

// Removes it if it is there, durably.
Expected<void> RemoveHidden(const Folders& folders, const std::string& name);

// `name`, then `name.1`, `name.2`, ...
std::string Numbered(const std::string& name, int number);

}  // namespace target_eye
