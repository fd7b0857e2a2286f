#include "publish/file_sd/file_guard.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

namespace target_eye {
namespace {

std::string WhatHappened(const FileMark& before, const FileMark& now, bool& certain) {
  certain = true;
  if (S_ISLNK(now.mode)) return "was replaced by a symbolic link";
  if (S_ISDIR(now.mode)) return "was replaced by a directory";
  if (!S_ISREG(now.mode)) return "was replaced by what is no file";
  if (now.is_mount) return "has another file mounted over it";
  if (!IsReadableByAll(now)) {
    return fmt::format("has the mode {:04o}, so that others cannot read it", now.mode & 07777U);
  }
  if (now.size < before.size) return fmt::format("was cut to {} bytes", now.size);
  if (now.size != before.size) return "was overwritten";
  // The bytes may be the same.
  certain = false;
  return now.inode == before.inode && now.device == before.device ? "was overwritten"
                                                                  : "was replaced by another file";
}

}  // namespace

void FileGuard::Published(const std::string& name, const FileMark& mark, bool written) {
  marks_.insert_or_assign(name, mark);
  const auto change = changed_.find(name);
  if (change == changed_.end()) return;
  if (written && ++restored_.files == 1) restored_.what = name + " " + change->second.what;
  changed_.erase(change);
}

void FileGuard::Forget(std::string_view name) {
  if (const auto mark = marks_.find(name); mark != marks_.end()) marks_.erase(mark);
  if (const auto change = changed_.find(name); change != changed_.end()) changed_.erase(change);
}

void FileGuard::Clear() {
  marks_.clear();
  changed_.clear();
}

std::set<std::string, std::less<>> FileGuard::Look(int directory,
                                                   const DirectoryWatch::Heard& heard,
                                                   std::size_t batch) {
  std::set<std::string, std::less<>> found;
  for (const std::string& name : heard.touched) {
    const auto file = marks_.find(name);
    if (file == marks_.end()) continue;
    LookAt(directory, name, file->second, heard.written.contains(name), found);
  }
  auto file = marks_.lower_bound(next_);
  for (std::size_t left = std::min(batch, marks_.size()); left > 0; --left) {
    if (file == marks_.end()) file = marks_.begin();
    LookAt(directory, file->first, file->second, false, found);
    ++file;
  }
  next_ = file == marks_.end() ? std::string() : file->first;
  return found;
}

void FileGuard::LookAt(int directory, const std::string& name, const FileMark& mark, bool written,
                       std::set<std::string, std::less<>>& found) {
  if (changed_.contains(name)) return;
  std::error_code error;
  const FileMark now = MarkOf(directory, name, error);
  if (!error && now == mark && !written) return;
  Change change{.what = "was removed", .certain = true};
  if (!error) {
    change.what = WhatHappened(mark, now, change.certain);
  } else if (error != std::errc::no_such_file_or_directory) {
    change.what = fmt::format("cannot be looked at: {}", error.message());
  }
  changed_.emplace(name, std::move(change));
  found.insert(name);
}

std::string FileGuard::damage() const {
  if (changed_.empty()) return {};
  const auto& [name, change] = *changed_.begin();
  if (changed_.size() == 1) return name + " " + change.what;
  return fmt::format("{} {} (and {} more files were changed)", name, change.what,
                     changed_.size() - 1);
}

bool FileGuard::is_certain() const {
  return std::ranges::any_of(changed_, [](const auto& file) { return file.second.certain; });
}

FileGuard::Restored FileGuard::TakeRestored() { return std::exchange(restored_, {}); }

}  // namespace target_eye
