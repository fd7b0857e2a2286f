#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "store/store.h"
#include "store/testing/memory_feed.h"

namespace target_eye {

// What several MemoryStores share, as several processes share a database on the network. It must
// live as long as they do.
class MemoryBackend {
 public:
  // `first`: the revision of the store that nothing was written to.
  explicit MemoryBackend(Revision first = 0) : revision_(first) {}

  Revision revision() const {
    const std::scoped_lock lock(mutex_);
    return revision_;
  }

 private:
  friend class MemoryStore;

  StoredGroupPtr Find(const GroupKey& key) const {
    const auto it = groups_.find(key);
    return it == groups_.end() ? nullptr : it->second;
  }

  Snapshot All() const {
    Snapshot snapshot{.revision = revision_, .groups = {}, .is_new = is_new_};
    for (const auto& [key, group] : groups_) snapshot.groups.push_back(group);
    return snapshot;
  }

  mutable std::mutex mutex_;  // Guards all below.
  std::map<GroupKey, StoredGroupPtr> groups_;
  Revision revision_;
  bool is_new_ = true;
  std::vector<std::shared_ptr<MemoryFeed>> feeds_;  // Of the stores that are open.
};

// A Store that keeps nothing beyond its backend's life: the naive model that the others are held
// against, what several machines on one database look like, and what tests of the rooms above use.
// Its feed can be held back and broken, from any thread.
class MemoryStore : public Store {
 public:
  static constexpr Limits kNoLimits = {};

  explicit MemoryStore(std::shared_ptr<MemoryBackend> backend = std::make_shared<MemoryBackend>(),
                       Limits limits = kNoLimits)
      : backend_(std::move(backend)), limits_(limits) {}
  ~MemoryStore() override { MemoryStore::Close(); }

  MemoryBackend& backend() { return *backend_; }

  // From now on nothing is told, the snapshot of a later Open included, and no Done comes that has
  // to wait for it.
  void HoldFeed() { Hold(true); }
  // What was held back is told, on this thread.
  void ReleaseFeed() {
    Hold(false);
    if (const auto feed = Feed()) feed->Deliver();
  }
  // What was not told yet is lost, and the feed begins again with a snapshot.
  void BreakFeed() {
    const auto feed = Feed();
    if (!feed) return;
    {
      const std::scoped_lock lock(backend_->mutex_);
      feed->PushInstead({.snapshot = backend_->All()});
    }
    feed->Deliver();
  }

  Limits limits() const override { return limits_; }

  Expected<void> Open(Sink& sink) override {
    Close();
    const auto feed = std::make_shared<MemoryFeed>(sink, is_held_);
    {
      const std::scoped_lock lock(backend_->mutex_);
      feed->Push({.snapshot = backend_->All()});
      backend_->feeds_.push_back(feed);
    }
    {
      const std::scoped_lock lock(mutex_);
      feed_ = feed;
    }
    feed->Deliver();
    return {};
  }

  void Commit(std::vector<GroupWrite> writes, SteadyTime deadline, Ticket ticket,
              Done done) override {
    const auto refuse = [&](ErrorCode code, const char* message) {
      done(0, std::vector(writes.size(), Written{.error = Error{code, message}, .group = {}}));
    };
    const auto own = Feed();
    if (!own) return refuse(ErrorCode::kUnavailable, "the store is not open");
    if (deadline <= SystemClock().Now()) {
      return refuse(ErrorCode::kUnavailable, "the deadline has passed");
    }
    if (!AreWithinLimits(writes)) return refuse(ErrorCode::kInvalid, "more than the store takes");
    std::vector<std::shared_ptr<MemoryFeed>> told;
    std::vector<Written> written(writes.size());
    Revision revision = 0;
    {
      const std::scoped_lock lock(backend_->mutex_);
      const bool is_empty = writes.empty();
      auto changes = Write(std::move(writes), written);
      revision = backend_->revision_;
      if (!changes.empty() || is_empty) {
        told = backend_->feeds_;
        const auto shared = std::make_shared<const std::vector<Change>>(std::move(changes));
        for (const auto& feed : told) {
          MemoryFeed::Item item{.snapshot = {}, .revision = revision, .changes = shared};
          if (feed == own) {
            item.ticket = std::move(ticket);
            item.then.emplace_back([revision, written = std::move(written),
                                    done = std::move(done)](bool is_told) mutable {
              if (!is_told) MakeUncertain(written);
              done(revision, std::move(written));
            });
          }
          feed->Push(std::move(item));
        }
      }
    }
    if (told.empty()) return done(revision, std::move(written));
    for (const auto& feed : told) feed->Deliver();
  }

  std::optional<SteadyTime> Tend(SteadyTime /*now*/) override { return std::nullopt; }

  void Close() override {
    std::shared_ptr<MemoryFeed> feed;
    {
      const std::scoped_lock lock(mutex_);
      feed = std::exchange(feed_, nullptr);
    }
    if (!feed) return;
    {
      const std::scoped_lock lock(backend_->mutex_);
      std::erase(backend_->feeds_, feed);
    }
    feed->Close();
  }

 private:
  std::shared_ptr<MemoryFeed> Feed() const {
    const std::scoped_lock lock(mutex_);
    return feed_;
  }

  void Hold(bool is_held) {
    is_held_ = is_held;
    if (const auto feed = Feed()) feed->Hold(is_held);
  }

  bool AreWithinLimits(const std::vector<GroupWrite>& writes) const {
    std::size_t bytes = 0;
    for (const GroupWrite& write : writes) {
      bytes += BytesOf(write.key, write.group ? &*write.group : nullptr, write.origin);
    }
    return writes.size() <= limits_.writes && bytes <= limits_.bytes;
  }

  bool IsOvertaken(const GroupWrite& write) const {
    const StoredGroupPtr now = backend_->Find(write.key);
    if (!now) return write.before != nullptr || !write.group;
    return !write.before || write.before->revision != now->revision;
  }

  // Writes what can be written, if anything can, at the next revision. Under the backend's lock.
  std::vector<Change> Write(std::vector<GroupWrite> writes, std::vector<Written>& written) {
    std::set<int> overtaken_sets;
    for (const GroupWrite& write : writes) {
      if (write.set != 0 && IsOvertaken(write)) overtaken_sets.insert(write.set);
    }
    const Revision revision = backend_->revision_ + 1;
    std::vector<Change> changes;
    for (std::size_t i = 0; i < writes.size(); ++i) {
      GroupWrite& write = writes[i];
      const StoredGroupPtr before = backend_->Find(write.key);
      if (IsOvertaken(write) || overtaken_sets.contains(write.set)) {
        written[i] = {.error = Error{ErrorCode::kConflict, "the group is at another revision"},
                      .group = before};
        continue;
      }
      if (write.group) {
        written[i].group =
            MakeStoredGroup(write.key, *std::move(write.group), revision, write.origin);
        backend_->groups_[write.key] = written[i].group;
      } else {
        backend_->groups_.erase(write.key);
      }
      changes.push_back({.key = write.key,
                         .revision = revision,
                         .after = written[i].group,
                         .before = before,
                         .origin = write.origin});
    }
    if (!changes.empty() || writes.empty()) {
      backend_->revision_ = revision;
      backend_->is_new_ = false;
    }
    return changes;
  }

  static void MakeUncertain(std::vector<Written>& written) {
    for (Written& one : written) {
      if (!one.error) one = {.error = Error{ErrorCode::kUncertain, "nobody was told"}, .group = {}};
    }
  }

  const std::shared_ptr<MemoryBackend> backend_;
  const Limits limits_;
  std::atomic<bool> is_held_ = false;
  mutable std::mutex mutex_;  // Guards `feed_`.
  std::shared_ptr<MemoryFeed> feed_;
};

}  // namespace target_eye
