#include "publish/file_sd/file_sd_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/legacy_import.h"
#include "publish/file_sd/name_list.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

const std::string kHidden(kHiddenFolder);
const std::string kStaging(kStagingFolder);

std::error_code LastError() { return {errno, std::generic_category()}; }

std::unexpected<Error> IoError(std::string_view what, const std::string& path,
                               const std::error_code& error) {
  return MakeError(ErrorCode::kIo, fmt::format("cannot {} {}: {}", what, path, error.message()));
}

// Whether `at`/`name` (or, without a name, `at` itself) is the very directory that `open` holds.
bool IsSame(const UniqueFd& open, int at, const char* name, int flags) {
  struct stat held{};
  struct stat named{};
  return open && fstat(open.get(), &held) == 0 && fstatat(at, name, &named, flags) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

dev_t DeviceOf(const UniqueFd& directory) {
  struct stat status{};
  return fstat(directory.get(), &status) == 0 ? status.st_dev : dev_t{};
}

}  // namespace

std::string FileSdDirectory::PathOf(std::string_view name) const {
  return fmt::format("{}{}{}", path_, path_.ends_with('/') ? "" : "/", name);
}

Expected<void> FileSdDirectory::Make() {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  // What create_directories says of a file in the way or a link to a directory is of no use.
  if (error && !std::filesystem::is_directory(path_)) {
    return MakeError(
        ErrorCode::kIo,
        fmt::format("cannot make the directory {}: {}; make it and let this user write "
                    "to it, or name another as FILE_SD_DIRECTORY",
                    path_, error.message()));
  }
  if (auto opened = Refresh(); !opened) return std::unexpected(opened.error());
  return {};
}

Expected<void> FileSdDirectory::Try(const std::string& path) {
  FileSdDirectory directory(path);
  directory.is_trial_ = true;
  return directory.Make();
}

Expected<bool> FileSdDirectory::Refresh() {
  const bool same = IsSame(directory_, AT_FDCWD, path_.c_str(), 0);
  if (same && IsHiddenFolderCurrent()) return false;

  staging_.Reset();
  hidden_.Reset();
  if (!same) {
    // The operator's own path may be a link, unlike anything in it: `/.` follows it.
    std::error_code error;
    UniqueFd directory = OpenDirectory(PathOf("."), error);
    if (error) return IoError("open the directory", path_, error);
    directory_ = std::move(directory);
    names_.Clear();
    is_other_ = true;
  }
  if (auto opened = OpenHiddenFolder(); !opened) return std::unexpected(opened.error());
  return std::exchange(is_other_, false);
}

bool FileSdDirectory::IsHiddenFolderCurrent() const {
  return IsSame(hidden_, directory_.get(), kHidden.c_str(), AT_SYMLINK_NOFOLLOW) &&
         IsSame(staging_, hidden_.get(), kStaging.c_str(), AT_SYMLINK_NOFOLLOW);
}

Expected<void> FileSdDirectory::OpenHiddenFolder() {
  std::error_code error;
  if (faccessat(directory_.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot write to the directory {}: {}; let this "
                                                 "user write to it",
                                                 path_, LastError().message()));
  }
  UniqueFd hidden = OpenOrMakeDirectoryAt(directory_.get(), kHidden, 0755, error);
  if (error) return IoError("make or open the folder", PathOf(kHidden), error);
  UniqueFd staging = OpenOrMakeDirectoryAt(hidden.get(), kStaging, 0700, error);
  const std::string staging_path = PathOf(kHidden + "/" + kStaging);
  if (error) return IoError("make or open the folder", staging_path, error);
  if (DeviceOf(staging) != DeviceOf(directory_)) {
    return MakeError(ErrorCode::kInvalid,
                     fmt::format("{} is on another file system than {}, so that nothing can be "
                                 "renamed from it; mount only the directory as a whole",
                                 staging_path, path_));
  }
  // Two publishers, each with a state of its own, would undo each other's files for ever.
  if (flock(staging.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return IoError("lock the folder", staging_path, LastError());
    return MakeError(ErrorCode::kInUse,
                     fmt::format("another target-eye publishes to {}; stop that one, or give this "
                                 "one another directory",
                                 path_));
  }
  hidden_ = std::move(hidden);
  staging_ = std::move(staging);
  if (is_trial_) return {};
  if (auto taken = TakeStock(); !taken) {
    staging_.Reset();  // The next Refresh does all of this again.
    return taken;
  }
  return {};
}

Expected<void> FileSdDirectory::TakeStock() {
  if (auto removed = RemoveLeftovers(); !removed) return removed;
  std::error_code error;
  names_.Load(directory_.get(), hidden_.get(), staging_.get(), error);
  if (error) {
    return IoError("read or write the list of our files,",
                   PathOf(kHidden + "/" + std::string(kPublishedList)), error);
  }
  return {};
}

Expected<void> FileSdDirectory::RemoveLeftovers() {
  std::error_code error;
  for (const std::string& name : ListDirectory(staging_.get(), error)) {
    // What cannot be removed is no file of ours; it is met again only if its name is needed.
    unlinkat(staging_.get(), name.c_str(), 0);
  }
  if (error) return IoError("list the folder", PathOf(kHidden + "/" + kStaging), error);
  return {};
}

Expected<std::set<std::string, std::less<>>> FileSdDirectory::ReadPending() const {
  std::error_code error;
  const std::string list(kImportingList);
  const std::string text = ReadFileAt(hidden_.get(), list, kNameListLimitBytes, error);
  if (error && error != std::errc::no_such_file_or_directory) {
    return IoError("read", PathOf(kHidden + "/" + list), error);
  }
  std::set<std::string, std::less<>> names;
  for (std::string& name : DecodeNames(text)) names.insert(std::move(name));
  return names;
}

Expected<std::vector<std::string>> FileSdDirectory::Claim(std::span<const std::string> names) {
  std::vector<std::string> free;
  std::vector<std::string> taken;
  for (const std::string& name : names) {
    struct stat status{};
    if (fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      taken.push_back(name);
    } else if (errno == ENOENT) {
      free.push_back(name);
    } else {
      return IoError("look at", PathOf(name), LastError());
    }
  }
  std::vector<std::string> refused;
  if (!taken.empty()) {
    const auto pending = ReadPending();
    if (!pending) return std::unexpected(pending.error());
    for (std::string& name : taken) {
      if (!pending->contains(name)) {
        refused.push_back(std::move(name));
        continue;
      }
      if (auto kept = KeepImportedCopy(directory_.get(), hidden_.get(), staging_.get(), name);
          !kept) {
        return std::unexpected(kept.error());
      }
      free.push_back(std::move(name));
    }
  }
  std::error_code error;
  names_.Add(free, hidden_.get(), staging_.get(), error);
  if (error) return IoError("write", PathOf(kHidden + "/" + std::string(kPublishedList)), error);
  return refused;
}

Expected<void> FileSdDirectory::Replace(std::span<const FileText> files, std::size_t& written) {
  std::error_code error;
  const ReplacedFiles replaced = ReplaceFilesAt(directory_.get(), staging_.get(), files, error);
  written += replaced.written;
  if (!error) return {};
  if (error == std::errc::too_many_symbolic_link_levels || error == std::errc::is_a_directory ||
      error == std::errc::invalid_argument) {
    return MakeError(ErrorCode::kIo, fmt::format("{} is not a regular file any more, and is left "
                                                 "alone; move it away",
                                                 PathOf(replaced.failed)));
  }
  return IoError("write", PathOf(replaced.failed), error);
}

Expected<bool> FileSdDirectory::Remove(const std::string& name) {
  struct stat status{};
  const bool there = fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there && errno != ENOENT) return IoError("look at", PathOf(name), LastError());
  const bool ours = there && S_ISREG(status.st_mode);
  if (there && !ours) {
    Log(LogLevel::kWarning,
        "somebody put something else in the place of a file of ours that is to be removed; it is "
        "left alone, and is nothing to us from now on",
        {{"path", PathOf(name)}});
  }
  if (ours && unlinkat(directory_.get(), name.c_str(), 0) != 0) {
    return IoError("remove", PathOf(name), LastError());
  }
  names_.Forget(name);
  return ours;
}

Expected<std::vector<std::string>> FileSdDirectory::ForeignFiles() const {
  const auto pending = ReadPending();
  if (!pending) return std::unexpected(pending.error());
  std::error_code error;
  std::vector<std::string> names = ListDirectory(directory_.get(), error);
  if (error) return IoError("list the directory", path_, error);
  std::erase_if(names, [&](const std::string& name) {
    return !name.ends_with(".json") || Owns(name) || pending->contains(name);
  });
  return names;
}

}  // namespace target_eye
