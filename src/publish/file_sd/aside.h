#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "model/error.h"
#include "util/sha256.h"

namespace target_eye {

// The folder `.target-eye/aside`: files of the watched directory that this program did not write
// byte for byte, kept before anything takes their place. A file is kept under the name `<its
// name>.<12 hex digits of its SHA-256>`, so that the same bytes are kept once however often they
// come. Nothing in the folder is ever replaced or removed: that is for a person. `directory` and
// the folders are descriptors of the watched directory, its hidden folder and staging. Errors are
// kIo, and the file is then unchanged. What has succeeded is durable.

// The bounds of what is kept of others' files: whoever puts files in the place of ours again and
// again must not fill the disk.
inline constexpr std::size_t kMaxAsideFiles = 100;
inline constexpr std::uintmax_t kMaxAsideBytes = std::uintmax_t{1} << 30;

struct AsideFolders {
  int directory = -1;
  int hidden = -1;
  int staging = -1;
};

// The SHA-256 of a file, whatever its size. Anything that is not a regular file is refused as by
// ReadFileAt.
Sha256Digest DigestFileAt(int directory, const std::string& name, std::error_code& error);

// The same of a file that is about to be replaced: if it is ours and its mode keeps us from reading
// it, the mode is changed.
Sha256Digest DigestToReplaceAt(int directory, const std::string& name, std::error_code& error);

// Keeps a copy of a file that stays where it is. Returns the copy's path in the hidden folder,
// `aside/...`. A file over kMaxAsideBytes is an error.
Expected<std::string> CopyAside(const AsideFolders& folders, const std::string& name);

// Keeps a file that a rename is about to replace, without a moment in which it is missing. Takes no
// room on the disk if the file system has hard links. With `is_bounded`, it is an error if the
// folder is full.
Expected<std::string> LinkAside(const AsideFolders& folders, const std::string& name,
                                bool is_bounded);

// Moves whatever has the name into the folder: a file, a symbolic link, a directory. Returns
// nothing if nothing has the name.
Expected<std::optional<std::string>> MoveAside(const AsideFolders& folders,
                                               const std::string& name);

}  // namespace target_eye
