#pragma once

#include <string>

namespace target_eye {

// Who besides its owner may list a directory and enter it, by its mode.
enum class DirectoryAccess { kOwner, kGroup, kAll };
DirectoryAccess AccessOf(int directory);

// What keeps users other than its owner from what is in the directory `path`, with the command that
// changes it: the mode of the directory, or that of one above it. Empty where nothing does. A mode
// that leaves it to a group is named, too: whether Prometheus is in it is not known here.
std::string WhatKeepsOthersOut(const std::string& path);

}  // namespace target_eye
