#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "model/error.h"
#include "util/unique_fd.h"

namespace target_eye {

// Where a state lies: its directory, the locks on it, and which files in it are open. Knows nothing
// of SQLite, and never opens the database: closing any descriptor of it would drop SQLite's locks.
// One thread at a time.
class StatePlace {
 public:
  explicit StatePlace(std::string directory) : directory_(std::move(directory)) {}

  // Makes the directory with mode 0755 if it is missing, its entry synced, and takes its locks, so
  // that no other target-eye uses it, even if the files in it are removed.
  //
  // Called again, it looks whether the path names another directory by now, and takes or makes that
  // one. But if that is on another file system or under another mount than the first one, it is
  // taken only if it has a database, and never made: it would be in the way of what belongs there.
  // Errors: kInUse, with the process; kIo; kDamaged for another file system.
  Expected<void> Take();
  void Release();

  // The paths of the database, without symbolic links; after Take.
  const std::string& database() const { return database_; }
  const std::string& log() const { return log_; }

  // Notes the files at the paths as those that are open. kIo if they cannot be looked at.
  Expected<void> Note();
  // For after a write of ours, before it is acknowledged: checks that the path of the directory
  // still leads to the files that were noted, and notes their present state as what we left.
  // kDamaged if it leads to others, or that cannot be told; the message says what was found.
  Expected<void> NoteWrite();
  // Checks that they are still those files, and that nobody else has written to them since.
  // kDamaged, as above.
  Expected<void> Check() const;
  // The same for the database, without its log.
  bool IsDatabaseOurs() const;
  // Checks less: that the database is the noted file and has the noted size, whatever its time.
  // kDamaged if not, or if that cannot be told.
  Expected<void> CheckDatabaseFile() const;
  // Whether a log that is not empty lies at its path; what cannot be looked at counts as one.
  bool HasLog() const;
  // Whether the log at its path is the noted file, of whatever size.
  bool IsLogOurs() const;

  // Moves what is at the paths, if anything, to a free name beside it, `put-aside-<number>.db`;
  // returns the database's new name. Nothing is ever overwritten. Errors: kDamaged if there are
  // kMostPutAside already, or kIo.
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
  // A mount of a file system. `mount` is 0 if the kernel does not tell it.
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
