#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/file_sd_directory.h"
#include "publish/group_list.h"
#include "store/store.h"

namespace target_eye {

// The groups as they should be visible, and which files do not show them yet. The layouts differ
// only in names: every group has one file (FileNameOf), and a change to the group makes its file
// out of date. Groups without targets are left out. With `meta_labels`, each group has its key as
// labels, too (EncodeWithMetaLabels). Not safe for concurrent calls.
class GroupFiles {
 public:
  GroupFiles(FileSdLayout layout, bool meta_labels) : layout_(layout), meta_labels_(meta_labels) {}

  // Takes these groups in place of all others; every file is out of date.
  void Reset(const std::vector<StoredGroupPtr>& groups);

  // Takes one group; null removes it.
  void Put(const GroupKeyView& key, StoredGroupPtr group);

  // Marks published files as out of date, because somebody else changed them.
  void MarkStale(const PublishedNames::Names& names);

  // Marks every file as out of date, because the directory is another one, say.
  void Invalidate() { all_stale_ = true; }

  struct Outcome {
    // How many files were written or removed: an event each for Prometheus.
    std::size_t events = 0;
    // The first thing that went wrong; the files concerned stay out of date.
    std::optional<Error> failure;
  };

  // Writes the files that are out of date and then, if all could be written, removes those of ours
  // that are not needed. Does nothing while the directory is held.
  Outcome Publish(FileSdDirectory& directory);

  // About how much Prometheus reads when it reads all files.
  std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  // The groups of one file.
  struct Range {
    GroupList::const_iterator begin;
    GroupList::const_iterator end;
  };
  // File names, each with the key of its group if it shows only one.
  using Stale = std::map<std::string, std::optional<GroupKey>, std::less<>>;

  void Insert(StoredGroupPtr group);
  void Erase(GroupList::const_iterator group);
  std::size_t BytesOf(const StoredGroup& group) const;
  std::vector<std::string_view> Render(const Range& groups) const;
  void MarkStale(const GroupKeyView& key);
  void MarkAllStale(const PublishedNames::Names& owned);
  Range GroupsIn(const Stale::value_type& file) const;
  bool IsNeeded(const Stale::value_type& file) const;
  Expected<void> Write(FileSdDirectory& directory, std::vector<Stale::iterator> files,
                       std::size_t& events);
  Error Foreign(const FileSdDirectory& directory, const std::vector<std::string>& names) const;
  Expected<void> Remove(FileSdDirectory& directory, const std::vector<Stale::iterator>& files,
                        std::size_t& events);

  const FileSdLayout layout_;
  const bool meta_labels_;
  GroupList groups_;
  // What each of them is published as, if that is not its own JSON.
  std::unordered_map<const StoredGroup*, GroupJsonParts> texts_;
  std::uint64_t total_bytes_ = 0;
  Stale stale_;
  bool all_stale_ = true;
};

}  // namespace target_eye
