#include "publish/file_sd/directory_access.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <system_error>

namespace target_eye {
namespace {

constexpr mode_t kOthersEnter = S_IXOTH;
constexpr mode_t kOthersEnterAndList = S_IXOTH | S_IROTH;
constexpr mode_t kGroupEntersAndLists = S_IXGRP | S_IRGRP;

}  // namespace

DirectoryAccess AccessOf(int directory) {
  struct stat status{};
  // What cannot be looked at says nothing; other looks will.
  if (fstat(directory, &status) != 0) return DirectoryAccess::kAll;
  if ((status.st_mode & kOthersEnterAndList) == kOthersEnterAndList) return DirectoryAccess::kAll;
  if ((status.st_mode & kGroupEntersAndLists) == kGroupEntersAndLists) {
    return DirectoryAccess::kGroup;
  }
  return DirectoryAccess::kOwner;
}

std::string WhatKeepsOthersOut(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return {};
  mode_t needed = kOthersEnterAndList;
  for (std::filesystem::path step = real;; step = step.parent_path()) {
    struct stat status{};
    if (stat(step.c_str(), &status) != 0) return {};
    if ((status.st_mode & needed) != needed) {
      return fmt::format("{} has the mode {:04o}: chmod o+{} {}", step.string(),
                         status.st_mode & 07777U, step == real ? "rx" : "x", step.string());
    }
    if (step == step.root_path()) return {};
    needed = kOthersEnter;
  }
}

}  // namespace target_eye
