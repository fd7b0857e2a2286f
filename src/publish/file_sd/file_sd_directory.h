#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "publish/file_sd/aside.h"
#include "publish/file_sd/directory_access.h"
#include "publish/file_sd/file_guard.h"
#include "publish/file_sd/import_hold.h"
#include "publish/file_sd/published_names.h"
#include "publish/file_sd/written_digests.h"
#include "util/atomic_file.h"

namespace target_eye {

// The directory that Prometheus watches, with the hidden folder in it that holds the staging folder
// and the list of our files. Errors are kIo (or kInvalid where it can never work) and name the path
// and what to do. Not safe for concurrent calls.
class FileSdDirectory {
 public:
  explicit FileSdDirectory(std::string path) : path_(std::move(path)) {}

  // Makes what is missing, the directory too, and opens it all. Leftovers in staging are removed.
  Expected<void> Make();

  // Whether Make would succeed, with its message: makes what it makes of folders, and touches no
  // file.
  static Expected<void> Try(const std::string& path);

  // Opens anew what is not what its path names any more (somebody removed the directory or the
  // hidden folder and made it again). True: it is another directory, in which nothing can be relied
  // on. A directory that is missing is an error: whoever removed it may be about to mount another.
  Expected<bool> Refresh();

  bool Owns(std::string_view name) const { return names_.Owns(name); }
  const PublishedNames::Names& owned() const { return names_.all(); }

  // kUnavailable as long as publication is held (publish/file_sd/import_hold.h); to be called
  // before anything is claimed, replaced or removed. Files that were moved away hold nothing any
  // more.
  Expected<void> CheckHold();

  // Whether the path names another directory than the one that was opened, or none.
  bool IsLost() const;
  // Whether the hidden folder is another one, or none.
  bool IsHiddenFolderLost() const { return !IsHiddenFolderCurrent(); }

  // Takes a look at what was published (FileGuard::Look); changes nothing in the directory.
  PublishedNames::Names Look(const DirectoryWatch::Heard& heard, std::size_t batch) {
    return guard_.Look(directory_.get(), heard, batch);
  }
  FileGuard& guard() { return guard_; }
  DirectoryAccess access() const { return AccessOf(directory_.get()); }

  // Makes `names`, which are not owned, ours, durably; to be called before such a file is made.
  // Gives those that were left because a file of others has the name. A file that is part of a
  // pending import is no such file: a copy of it is put in `.target-eye/imported/`. Nor is one
  // whose loss was accepted.
  Expected<std::vector<std::string>> Claim(std::span<const std::string> names);

  // What is in the way where a file of this name is to be, and what to do about it.
  std::string Obstacle(const std::string& name) const;

  struct Replaced {
    std::vector<bool> done;   // For each file, whether it holds what it is to hold.
    std::size_t written = 0;  // How many had to be changed for that.
    std::optional<Error> failure;
  };

  // Makes the files, which are owned, hold what is given, in this order, and tells the guard. What
  // this program did not write byte for byte is kept in `.target-eye/aside`
  // (publish/file_sd/aside.h) before it is replaced, and named in a warning, once for each copy.
  // What is in the way of one file, or cannot be kept, stays, and keeps no other from being
  // replaced; `failure` is of the first that was not.
  Replaced Replace(std::span<const FileText> files);

  // Removes the file, which is owned, and gives the name up. False where there was none, or where
  // somebody put something else than a file in its place, which is left. Keeps it as Replace does.
  Expected<bool> Remove(const std::string& name);

  // Once everything is published: puts aside the files whose loss was accepted and whose names are
  // not ours, and ends the matter.
  Expected<void> FinishAccepted();

  // The `.json` files that are neither ours nor part of a pending import.
  Expected<std::vector<std::string>> ForeignFiles() const;

  const std::string& path() const { return path_; }

 private:
  Expected<void> OpenHiddenFolder();
  Expected<void> TakeStock();
  Expected<void> RemoveLeftovers();
  Expected<std::set<std::string, std::less<>>> ReadPending() const;
  Expected<bool> IsHeld();
  Expected<void> MoveIrregular();
  Expected<void> KeepIfNotOurs(const std::string& name);
  AsideFolders Aside() const { return {directory_.get(), hidden_.get(), staging_.get()}; }
  bool IsHiddenFolderCurrent() const;
  Error CannotReplace(const std::string& name, const std::error_code& error) const;
  std::string PathOf(std::string_view name) const;

  std::string path_;
  UniqueFd directory_;
  UniqueFd hidden_;
  UniqueFd staging_;
  PublishedNames names_;
  bool is_trial_ = false;
  WrittenDigests written_;
  // What `.target-eye/held` says, as long as it is there.
  std::optional<ImportHold> hold_;
  // Files whose loss was accepted; read when nothing is held any more.
  std::optional<ImportHold> accepted_;
  FileGuard guard_;
  // Where copies were kept that the log has told of. Bounded as the folder is.
  std::set<std::string, std::less<>> told_kept_;
  // `directory_` is another than at the last Refresh that succeeded.
  bool is_other_ = false;
};

}  // namespace target_eye
