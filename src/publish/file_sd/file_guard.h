#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "publish/file_sd/directory_watch.h"
#include "util/atomic_file.h"

namespace target_eye {

// Remembers what each file looked like when it was published, and finds those that somebody else
// has since removed, replaced, written to or made unreadable. Costs some 200 bytes a file. Not safe
// for concurrent calls.
class FileGuard {
 public:
  // The file `name` holds what it should hold, and looks like `mark`. `written`: it had to be
  // written for that.
  void Published(const std::string& name, const FileMark& mark, bool written);
  // The file is no longer ours.
  void Forget(std::string_view name);
  // Forgets all of them: the directory is another one.
  void Clear();

  // Looks at the files that were heard of, and at the next `batch` files, in turn. Returns those
  // that look changed, for their bytes to be compared and published again, except those that an
  // earlier call returned.
  std::set<std::string, std::less<>> Look(int directory, const DirectoryWatch::Heard& heard,
                                          std::size_t batch);

  std::size_t size() const { return marks_.size(); }

  // What was done to files that have not been published again yet, such as `targets.json was
  // removed`; empty if nothing was.
  std::string damage() const;
  // Whether any of it is certain: whether it is more than a file that was touched and may hold the
  // same bytes.
  bool is_certain() const;
  // Whether it was published, and should still be there.
  bool Knows(std::string_view name) const { return marks_.contains(name); }
  // Whether somebody may have written what this file holds.
  bool IsChanged(std::string_view name) const { return changed_.contains(name); }

  struct Restored {
    std::size_t files = 0;
    std::string what;  // Of the first: as `damage` says it.
  };
  // What was written again, since the last call, because somebody else had changed it.
  Restored TakeRestored();

 private:
  struct Change {
    std::string what;
    bool certain = false;
  };
  using Changes = std::map<std::string, Change, std::less<>>;

  void LookAt(int directory, const std::string& name, const FileMark& mark, bool written,
              std::set<std::string, std::less<>>& found);

  std::map<std::string, FileMark, std::less<>> marks_;
  std::string next_;  // Where the next batch begins.
  Changes changed_;
  Restored restored_;
};

}  // namespace target_eye
