#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "model/error.h"
#include "util/atomic_file.h"

namespace target_eye {

// Renames `from` to `to`, never over what is there. 0, or a value of errno: EEXIST for that.
int RenameOntoNothing(const std::string& from, const std::string& to);

// Where a state lies: its directory, the locks on it, and which files in it are the ones that are
// open. Knows no SQLite, and never opens the database: to close any descriptor of it would drop
// SQLite's locks. One thread at a time.
class StatePlace {
 public:
  explicit StatePlace(std::string directory) : directory_(std::move(directory)) {}

  // Makes the directory with mode 0755 where it is missing, its entry synced, and takes its locks,
  // so that no other process of target-eye uses it, not even one that finds its files removed. Once
  // taken, it is looked at again: where the path names another directory by now, that one is taken,
  // or made. On another file system than the first one's, or under another mount, it is taken only
  // where it has a database, and never made: it would be in the way of what belongs there. Errors:
  // kInUse, with the process; kIo; kDamaged for another file system.
  Expected<void> Take();
  void Release();

  // The paths of the database, without symbolic links; after Take.
  const std::string& database() const { return database_; }
  const std::string& log() const { return log_; }

  // Those that are at the paths now are the files that are open. kIo where they cannot be looked
  // at.
  Expected<void> Note();
  // After a write of ours, before it is acknowledged: the path of the directory still leads to the
  // files that were noted, and as they are now is how they were left. kDamaged: no, or it cannot be
  // told; the message says what was found.
  Expected<void> NoteWrite();
  // They still are those files, and nobody else has written to them since. kDamaged, as above.
  Expected<void> Check() const;
  // The same of the database without its log.
  bool IsDatabaseOurs() const;
  // Less than that: the database is the noted file, of the noted size, whatever its time. kDamaged:
  // no, or it cannot be told.
  Expected<void> CheckDatabaseFile() const;
  // A log with something in it lies at its path; what cannot be looked at counts as one.
  bool HasLog() const;
  // The log at its path is the noted file, of whatever size.
  bool IsLogOurs() const;

  // Moves what is at the paths, if anything is, to a name beside it that is free and says so, of
  // which there are kMostPutAside; gives the database's new name. Nothing is ever overwritten.
  // kDamaged where there are as many already, or kIo.
  Expected<std::string> PutAside();
  static constexpr int kMostPutAside = 10;

 private:
  // What tells one file from another, and one state of it from the next.
  struct Mark {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
  };
  // A mount of a file system. `mount` is 0 where the kernel does not tell.
  struct Volume {
    std::uint64_t device = 0;
    std::uint64_t mount = 0;
  };

  static Expected<Mark> MarkOf(const std::string& path);
  static std::optional<Volume> VolumeOf(const std::string& path);
  // Whether what is at `path` is on that volume, as far as the kernel tells.
  static bool IsOn(const std::optional<Volume>& volume, const std::string& path);
  std::string Parent() const;

  Expected<void> MakeDirectory();
  Expected<UniqueFd> ClaimName(const std::string& canonical) const;
  Expected<UniqueFd> LockDirectory(const std::string& canonical);
  Expected<UniqueFd> LockFile(const std::string& canonical);
  Error Elsewhere() const;
  static Error InUse(const std::string& canonical, std::string_view process);
  static std::string HolderOf(const std::string& canonical);
  // The mark of what is at the path now, if that is the noted file.
  Expected<Mark> SameFile(const char* name, const Mark& noted) const;
  Expected<void> SameDatabase() const;
  Expected<void> SameLog() const;
  Error WrittenTo(const char* name) const;

  const std::string directory_;
  std::string database_;
  std::string log_;
  UniqueFd claim_;
  UniqueFd locked_directory_;
  UniqueFd lock_;
  std::optional<Volume> volume_;  // Of the first directory, and of its parent.
  std::optional<Volume> parent_volume_;
  Mark noted_database_;
  Mark noted_log_;
};

}  // namespace target_eye
