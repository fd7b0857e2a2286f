#include "publish/file_sd/file_sd_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/folders.h"
#include "publish/file_sd/import/import_list.h"
#include "publish/file_sd/name_list.h"
#include "telemetry/log.h"
#include "util/make_directory.h"
#include "util/sha256_stream.h"

namespace target_eye {
namespace {

const std::string kHidden(kHiddenFolder);
const std::string kStaging(kStagingFolder);

// Whether `at`/`name` (or, without a name, `at` itself) is the very directory that `open` holds.
bool IsSame(const UniqueFd& open, int at, const char* name, int flags) {
  struct stat held{};
  struct stat named{};
  return open && fstat(open.get(), &held) == 0 && fstatat(at, name, &named, flags) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

// Why the folder `name` in `parent`, of this `path`, cannot be used.
std::unexpected<Error> CannotOpen(int parent, const std::string& name, const std::string& path,
                                  const std::error_code& error) {
  std::error_code ignored;
  if (!S_ISLNK(MarkOf(parent, name, ignored).mode)) {
    return IoError("make or open the folder", path, error);
  }
  return MakeError(ErrorCode::kIo,
                   fmt::format("{} is a symbolic link, where a folder must be: remove the link; to "
                               "keep the state elsewhere, set STATE_DIRECTORY",
                               path));
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
  MakeDirectories(path_, 0755, error);
  if (error) {
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
  const bool same = !IsLost();
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
    hold_.reset();
    accepted_.reset();
    guard_.Clear();
    is_other_ = true;
  }
  if (auto opened = OpenHiddenFolder(); !opened) return std::unexpected(opened.error());
  return std::exchange(is_other_, false);
}

bool FileSdDirectory::IsLost() const { return !IsSame(directory_, AT_FDCWD, path_.c_str(), 0); }

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
  if (error) return CannotOpen(directory_.get(), kHidden, PathOf(kHidden), error);
  UniqueFd staging = OpenOrMakeDirectoryAt(hidden.get(), kStaging, 0700, error);
  const std::string staging_path = PathOf(kHidden + "/" + kStaging);
  if (error) return CannotOpen(hidden.get(), kStaging, staging_path, error);
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
  written_.Load(names_.all(), hidden_.get(), staging_.get());
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

Expected<void> FileSdDirectory::CheckHold() {
  const auto held = IsHeld();
  if (!held) return std::unexpected(held.error());
  if (*held) return MakeError(ErrorCode::kUnavailable, HoldMessage(path_, hold_->files));
  if (hold_) Log(LogLevel::kInfo, "publication is not held any more", {{"directory", path_}});
  hold_.reset();
  if (!accepted_) {
    auto accepted = ReadAccepted(path_);
    if (!accepted) return std::unexpected(accepted.error());
    accepted_ = *std::move(accepted);
  }
  return MoveIrregular();
}

// What is no regular file cannot be replaced by a rename.
Expected<void> FileSdDirectory::MoveIrregular() {
  for (const HeldFile& file : accepted_->files) {
    struct stat status{};
    if (fstatat(directory_.get(), file.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        S_ISREG(status.st_mode)) {
      continue;
    }
    const auto moved = MoveAside(Aside(), file.name);
    if (!moved) return std::unexpected(moved.error());
  }
  return {};
}

Expected<bool> FileSdDirectory::IsHeld() {
  if (faccessat(hidden_.get(), std::string(kHeldList).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return false;
    return IoError("look at", PathOf(kHidden + "/" + std::string(kHeldList)), LastError());
  }
  if (!hold_) {
    auto hold = ReadHold(path_);
    if (!hold) return std::unexpected(hold.error());
    hold_ = *std::move(hold);
  }
  if (hold_->files.empty()) return true;  // A list that nobody can read decides nothing.
  for (const HeldFile& file : hold_->files) {
    if (faccessat(directory_.get(), file.name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno != ENOENT) return IoError("look at", PathOf(file.name), LastError());
  }
  if (auto removed = RemoveHold(path_); !removed) return std::unexpected(removed.error());
  return false;
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
  std::vector<WrittenDigests::Written> imported;
  if (!taken.empty()) {
    const auto pending = ReadPending();
    if (!pending) return std::unexpected(pending.error());
    for (std::string& name : taken) {
      if (pending->contains(name)) {
        const auto kept = KeepImportedCopy(directory_.get(), hidden_.get(), staging_.get(), name);
        if (!kept) return std::unexpected(kept.error());
        imported.push_back({name, *kept});
      } else if (!accepted_ || !accepted_->Has(name)) {
        refused.push_back(std::move(name));
        continue;
      }
      free.push_back(name);
    }
  }
  std::error_code error;
  names_.Add(free, hidden_.get(), staging_.get(), error);
  if (error) return IoError("write", PathOf(kHidden + "/" + std::string(kPublishedList)), error);
  written_.Add(imported, hidden_.get(), staging_.get());
  return refused;
}

// An irregular file is not met here: it is never replaced, and moved when its loss is accepted.
Expected<void> FileSdDirectory::KeepIfNotOurs(const std::string& name) {
  // Once it was replaced it is a file like any other.
  const bool accepted = accepted_ && accepted_->Has(name) && !guard_.Knows(name);
  if (!accepted) {
    struct stat status{};
    if (fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        status.st_size == 0) {
      return {};  // There is nothing to keep.
    }
    std::error_code error;
    const Sha256Digest digest = DigestToReplaceAt(directory_.get(), name, error);
    if (error == std::errc::no_such_file_or_directory) return {};
    if (error && error != std::errc::permission_denied) {
      return IoError("read", PathOf(name), error);
    }
    if (!error && written_.Has(name, digest)) return {};
  }
  const auto kept = LinkAside(Aside(), name, !accepted);
  if (!kept) return std::unexpected(kept.error());
  if (!told_kept_.insert(*kept).second) return {};
  Log(LogLevel::kWarning,
      accepted
          ? "a file that could not be taken over whole is replaced, as was accepted; it is kept"
          : "somebody has changed what is published; what was there is kept",
      {{"file", PathOf(name)}, {"kept", PathOf(kHidden + "/" + *kept)}});
  return {};
}

FileSdDirectory::Replaced FileSdDirectory::Replace(std::span<const FileText> files) {
  std::vector<WrittenDigests::Written> digests;
  digests.reserve(files.size());
  for (const FileText& file : files) {
    Sha256Stream hash;
    for (const std::string_view piece : file.pieces) hash.Add(piece);
    digests.push_back({file.name, hash.Finish()});
  }
  written_.Add(digests, hidden_.get(), staging_.get());

  std::map<std::string, Error> not_kept;
  const auto results =
      ReplaceFilesAt(directory_.get(), staging_.get(), files, [&](const std::string& name) {
        auto kept = KeepIfNotOurs(name);
        if (!kept) not_kept.emplace(name, std::move(kept.error()));
        return kept.has_value();
      });

  Replaced replaced;
  std::vector<WrittenDigests::Written> there;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string& name = files[i].name;
    const auto& [error, written, mark] = results[i];
    replaced.done.push_back(!error);
    if (!error) {
      there.push_back(digests[i]);
      guard_.Published(name, mark, written);
      if (written) ++replaced.written;
    } else if (!replaced.failure) {
      const auto found = not_kept.find(name);
      replaced.failure = found != not_kept.end() ? found->second : CannotReplace(name, error);
    }
  }
  written_.Confirm(there);
  return replaced;
}

Error FileSdDirectory::CannotReplace(const std::string& name, const std::error_code& error) const {
  if (std::string obstacle = Obstacle(name); !obstacle.empty()) {
    return {ErrorCode::kIo, std::move(obstacle)};
  }
  std::string_view advice;
  if (error == std::errc::operation_not_permitted) {
    advice = "; somebody has made it immutable: chattr -i makes it a file as others";
  }
  return {ErrorCode::kIo,
          fmt::format("cannot write {}: {}{}", PathOf(name), error.message(), advice)};
}

std::string FileSdDirectory::Obstacle(const std::string& name) const {
  std::error_code error;
  const FileMark mark = MarkOf(directory_.get(), name, error);
  if (error) return {};
  const std::string path = PathOf(name);
  if (S_ISLNK(mark.mode)) {
    return fmt::format(
        "{} is a symbolic link, and none is followed or replaced: remove it, and to publish where "
        "it leads, name that directory as FILE_SD_DIRECTORY",
        path);
  }
  if (S_ISDIR(mark.mode)) return fmt::format("{} is a directory: move it away", path);
  if (!S_ISREG(mark.mode)) {
    return fmt::format("{} is not a regular file any more, and is left alone: move it away", path);
  }
  if (mark.is_mount) {
    return fmt::format(
        "{} is a mount of its own, and a file is replaced by renaming, which a mount does not "
        "allow: mount the directory {} as a whole instead of the single file",
        path, path_);
  }
  return {};
}

Expected<bool> FileSdDirectory::Remove(const std::string& name) {
  struct stat status{};
  const bool there = fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (!there && errno != ENOENT) return IoError("look at", PathOf(name), LastError());
  const bool ours = there && S_ISREG(status.st_mode);
  if (there && !ours) {
    Log(LogLevel::kWarning,
        "somebody put something else in the place of a file of ours that is to be removed; it is "
        "left alone, and is ignored from now on",
        {{"path", PathOf(name)}});
  }
  if (ours) {
    if (std::string obstacle = Obstacle(name); !obstacle.empty()) {
      return MakeError(ErrorCode::kIo, std::move(obstacle));
    }
    if (auto kept = KeepIfNotOurs(name); !kept) return std::unexpected(kept.error());
    if (unlinkat(directory_.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
      return IoError("remove", PathOf(name), LastError());
    }
  }
  names_.Forget(name);
  written_.Forget(name);
  guard_.Forget(name);
  return ours;
}

Expected<void> FileSdDirectory::FinishAccepted() {
  if (!accepted_ || accepted_->files.empty()) return {};
  for (const HeldFile& file : accepted_->files) {
    if (Owns(file.name)) continue;
    const auto moved = MoveAside(Aside(), file.name);
    if (!moved) return std::unexpected(moved.error());
    if (!*moved) continue;
    Log(LogLevel::kWarning,
        "a file that could not be taken over whole is put aside, as was accepted",
        {{"file", PathOf(file.name)}, {"kept", PathOf(kHidden + "/" + **moved)}});
  }
  if (fsync(directory_.get()) != 0) return IoError("write", path_, LastError());
  const Folders folders{path_, {}, UniqueFd(dup(hidden_.get()))};
  if (auto removed = RemoveHidden(folders, std::string(kAcceptedList)); !removed) return removed;
  accepted_ = ImportHold{};
  return {};
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
