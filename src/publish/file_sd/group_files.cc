#include "publish/file_sd/group_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace target_eye {
namespace {

// What a group takes in a file besides its own text.
constexpr std::size_t kGroupExtraBytes = 2;

// How many files are rendered and staged together.
constexpr std::size_t kFilesAtOnce = 1024;

}  // namespace

void GroupFiles::Reset(const std::vector<StoredGroupPtr>& groups) {
  groups_.clear();
  texts_.clear();
  total_bytes_ = 0;
  for (const StoredGroupPtr& group : groups) {
    if (group->text.targets() > 0) Insert(group);
  }
  Invalidate();
}

void GroupFiles::Put(const GroupKeyView& key, StoredGroupPtr group) {
  MarkStale(key);
  if (const auto old = groups_.find(key); old != groups_.end()) Erase(old);
  if (group && group->text.targets() > 0) Insert(std::move(group));
}

void GroupFiles::Insert(StoredGroupPtr group) {
  if (meta_labels_) texts_.emplace(group.get(), EncodeWithMetaLabels(*group));
  total_bytes_ += BytesOf(*group);
  // Mostly at the end, as a snapshot is in key order.
  groups_.insert(groups_.end(), std::move(group));
}

void GroupFiles::Erase(GroupList::const_iterator group) {
  total_bytes_ -= BytesOf(**group);
  texts_.erase(group->get());
  groups_.erase(group);
}

std::size_t GroupFiles::BytesOf(const StoredGroup& group) const {
  if (!meta_labels_) return group.text.json().size() + kGroupExtraBytes;
  const GroupJsonParts& text = texts_.at(&group);
  return text.head.size() + text.tail.size() + kGroupExtraBytes;
}

std::vector<std::string_view> GroupFiles::Render(const Range& groups) const {
  if (groups.begin == groups.end) return {kEmptyList};
  std::vector<std::string_view> pieces;
  for (auto group = groups.begin; group != groups.end; ++group) {
    pieces.push_back(pieces.empty() ? kListBegin : kListSeparator);
    if (meta_labels_) {
      const GroupJsonParts& text = texts_.at(group->get());
      pieces.push_back(text.head);
      pieces.push_back(text.tail);
    } else {
      pieces.push_back((*group)->text.json());
    }
  }
  pieces.push_back(kListEnd);
  return pieces;
}

void GroupFiles::MarkStale(const GroupKeyView& key) {
  if (all_stale_) return;
  stale_.try_emplace(FileNameOf(layout_, key),
                     GroupKey{std::string(key.application), std::string(key.environment)});
}

void GroupFiles::MarkStale(const PublishedNames::Names& names) {
  if (all_stale_ || names.empty()) return;
  if (layout_ == FileSdLayout::kFile) {
    for (const std::string& name : names) stale_.try_emplace(name, std::nullopt);
    return;
  }
  // It happens too seldom for a map from names to groups.
  for (const StoredGroupPtr& group : groups_) {
    std::string name = FileNameOf(layout_, group->key);
    if (names.contains(name)) stale_.try_emplace(std::move(name), group->key);
  }
}

void GroupFiles::MarkAllStale(const PublishedNames::Names& owned) {
  all_stale_ = false;
  stale_.clear();
  for (const std::string& name : owned) stale_.emplace(name, std::nullopt);
  if (layout_ == FileSdLayout::kFile) {
    // It is there even where there are no groups, so that Prometheus finds what it is to watch.
    stale_.insert_or_assign(std::string(kSingleFileName), std::nullopt);
    return;
  }
  for (const StoredGroupPtr& group : groups_) {
    stale_.insert_or_assign(FileNameOf(layout_, group->key), group->key);
  }
}

GroupFiles::Range GroupFiles::GroupsIn(const Stale::value_type& file) const {
  const auto& [name, key] = file;
  if (layout_ == FileSdLayout::kFile && name == kSingleFileName) {
    return {groups_.begin(), groups_.end()};
  }
  if (layout_ == FileSdLayout::kFile || !key) return {groups_.end(), groups_.end()};
  const auto [begin, end] = groups_.equal_range(GroupKeyView(*key));
  return {begin, end};
}

bool GroupFiles::IsNeeded(const Stale::value_type& file) const {
  if (layout_ == FileSdLayout::kFile) return file.first == kSingleFileName;
  const Range groups = GroupsIn(file);
  return groups.begin != groups.end;
}

GroupFiles::Outcome GroupFiles::Publish(FileSdDirectory& directory) {
  if (auto held = directory.CheckHold(); !held) return {0, std::move(held.error())};
  if (all_stale_) MarkAllStale(directory.owned());
  std::vector<Stale::iterator> needed;
  std::vector<Stale::iterator> unneeded;
  for (auto file = stale_.begin(); file != stale_.end(); ++file) {
    (IsNeeded(*file) ? needed : unneeded).push_back(file);
  }
  Outcome outcome;
  auto done = Write(directory, std::move(needed), outcome.events);
  if (done) done = Remove(directory, unneeded, outcome.events);
  if (done) done = directory.FinishAccepted();
  if (!done) outcome.failure = std::move(done.error());
  return outcome;
}

Expected<void> GroupFiles::Write(FileSdDirectory& directory, std::vector<Stale::iterator> files,
                                 std::size_t& events) {
  std::vector<std::string> unowned;
  for (const auto& file : files) {
    if (!directory.Owns(file->first)) unowned.push_back(file->first);
  }
  const auto refused = directory.Claim(unowned);
  if (!refused) return std::unexpected(refused.error());

  std::erase_if(files, [&](const auto& file) { return !directory.Owns(file->first); });
  std::optional<Error> failure;
  for (std::span<const Stale::iterator> rest = files; !rest.empty();) {
    const auto batch = rest.first(std::min(rest.size(), kFilesAtOnce));
    rest = rest.subspan(batch.size());
    std::vector<FileText> texts;
    for (const auto& file : batch) {
      texts.push_back({file->first, Render(GroupsIn(*file))});
    }
    auto replaced = directory.Replace(texts);
    events += replaced.written;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (replaced.done[i]) stale_.erase(batch[i]);
    }
    if (!failure) failure = std::move(replaced.failure);
  }
  if (failure) return std::unexpected(*std::move(failure));
  if (refused->empty()) return {};
  return std::unexpected(Foreign(directory, *refused));
}

Error GroupFiles::Foreign(const FileSdDirectory& directory,
                          const std::vector<std::string>& names) const {
  const std::string others =
      names.size() == 1 ? std::string() : fmt::format(" (nor were {} others)", names.size() - 1);
  std::string obstacle = directory.Obstacle(names.front());
  if (!obstacle.empty()) return {ErrorCode::kIo, std::move(obstacle)};
  return {
      ErrorCode::kIo,
      fmt::format("the file {} in {} is needed but was not made by this program{}; move it away",
                  Quote(names.front()), directory.path(), others)};
}

Expected<void> GroupFiles::Remove(FileSdDirectory& directory,
                                  const std::vector<Stale::iterator>& files, std::size_t& events) {
  std::optional<Error> failure;
  for (const auto& file : files) {
    if (directory.Owns(file->first)) {
      auto removed = directory.Remove(file->first);
      if (!removed) {
        if (!failure) failure = std::move(removed.error());
        continue;
      }
      if (*removed) ++events;
    }
    stale_.erase(file);
  }
  if (failure) return std::unexpected(*std::move(failure));
  return {};
}

}  // namespace target_eye
