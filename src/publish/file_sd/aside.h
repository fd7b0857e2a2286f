#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

#include "model/error.h"
#include "util/sha256.h"

namespace target_eye {

// The folder `.target-eye/aside`: files of the watched directory that this program did not write
// byte for byte, kept before anything takes their place. A file is kept as
// `<its name>.<12 hex digits of its SHA-256>`, so that the same bytes are kept once however often
// they come; nothing in there is ever replaced or removed, that is for a person. Descriptors are of
// the watched directory, its hidden folder and staging. Errors are kIo, and then nothing of the
// file has changed. What succeeded is durable.

// So many files, or bytes, and no more is kept of what others put in the place of ours: whoever
// does that again and again must not fill the disk.
inline constexpr std::size_t kMaxAsideFiles = 100;
inline constexpr std::uintmax_t kMaxAsideBytes = std::uintmax_t{1} << 30;

struct AsideFolders {
  int directory = -1;
  int hidden = -1;
  int staging = -1;
};

// The SHA-256 of a file, whatever its size; what is no regular file is refused as by ReadFileAt.
Sha256Digest DigestFileAt(int directory, const std::string& name, std::error_code& error);

// The same of a file that is about to be replaced: where its mode keeps us, its owner, from reading
// it, the mode is changed.
Sha256Digest DigestToReplaceAt(int directory, const std::string& name, std::error_code& error);

// Keeps a copy of a file that stays where it is. Returns the copy's path in the hidden folder,
// `aside/...`. A file over kMaxAsideBytes is an error.
Expected<std::string> CopyAside(const AsideFolders& folders, const std::string& name);

// Keeps a file whose place is about to be taken by a rename, without a moment in which it is
// missing. Takes no room on the disk where the file system has hard links. With `is_bounded`, an
// error where the folder is full.
Expected<std::string> LinkAside(const AsideFolders& folders, const std::string& name,
                                bool is_bounded);

// Moves whatever has the name there: a file, a symbolic link, a directory. Nothing where nothing
// has the name.
Expected<std::optional<std::string>> MoveAside(const AsideFolders& folders,
                                               const std::string& name);

}  // namespace target_eye
