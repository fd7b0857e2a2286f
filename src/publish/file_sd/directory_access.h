#pragma once

#include <string>

namespace target_eye {

// Who besides its owner may list a directory and enter it, by its mode.
enum class DirectoryAccess { kOwner, kGroup, kAll };
DirectoryAccess AccessOf(int directory);

// What keeps users other than the owner out of the directory `path`, with the command that changes
// it: the mode of the directory, or of one above it. Empty if nothing does. A mode that lets only a
// group in is named, too: whether Prometheus is in the group is not known here.
std::string WhatKeepsOthersOut(const std::string& path);

}  // namespace target_eye
