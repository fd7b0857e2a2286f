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
#include "publish/file_sd/import/import_hold.h"
#include "publish/file_sd/published_names.h"
#include "publish/file_sd/written_digests.h"
#include "util/atomic_file.h"

namespace target_eye {

// The directory that Prometheus watches, with the hidden folder in it that holds the staging folder
// and the list of our files. Errors are kIo (or kInvalid if it can never work) and name the path
// and what to do. Not safe for concurrent calls.
class FileSdDirectory {
 public:
  explicit FileSdDirectory(std::string path) : path_(std::move(path)) {}

  // Makes what is missing, the directory too, and opens it all. Leftovers in staging are removed.
  Expected<void> Make();

  // Whether Make would succeed, with its message: makes what it makes of folders, and touches no
  // file.
  static Expected<void> Try(const std::string& path);

  // Opens the directory and the hidden folder again if their paths name others by now (somebody
  // removed them and made them again). True if it is another directory, in which nothing can be
  // relied on. A directory that is missing is an error: whoever removed it may be about to mount
  // another.
  Expected<bool> Refresh();

  bool Owns(std::string_view name) const { return names_.Owns(name); }
  const PublishedNames::Names& owned() const { return names_.all(); }

  // kUnavailable as long as publication is held (publish/file_sd/import_hold.h); to be called
  // before anything is claimed, replaced or removed. Held files that were moved away no longer hold
  // it.
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

  // Makes `names`, which are not ours yet, ours, durably; to be called before such a file is made.
  // Returns those that were left, because somebody else's file has the name. A file of a pending
  // import does not count as somebody else's (a copy of it is put in `.target-eye/imported/`), nor
  // does one whose loss was accepted.
  Expected<std::vector<std::string>> Claim(std::span<const std::string> names);

  // What is in the way of a file of this name, and what to do about it; empty if nothing is.
  std::string Obstacle(const std::string& name) const;

  struct Replaced {
    std::vector<bool> done;   // For each file, whether it holds what it is to hold.
    std::size_t written = 0;  // How many had to be changed for that.
    std::optional<Error> failure;
  };

  // Makes the files, which must be ours, hold what they should, in this order, and tells the guard.
  // Bytes that this program did not write are kept in `.target-eye/aside` (publish/file_sd/aside.h)
  // before they are replaced, and named in a warning, once for each copy. If something is in the
  // way of a file, or its bytes cannot be kept, it stays, and the others are replaced all the same;
  // `failure` is that of the first that was not replaced.
  Replaced Replace(std::span<const FileText> files);

  // Removes the file, which must be ours, and gives up the name. False if there was no file, or if
  // somebody put something other than a file in its place, which is left alone. Keeps others' bytes
  // as Replace does.
  Expected<bool> Remove(const std::string& name);

  // To be called once everything is published: puts aside the files whose loss was accepted and
  // whose names are not ours, and removes the list of them.
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
