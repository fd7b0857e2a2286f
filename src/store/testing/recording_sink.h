#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"

namespace target_eye {

// Whether both are absent, or the same in all that is kept.
inline bool IsSame(const StoredGroupPtr& a, const StoredGroupPtr& b) {
  if (!a || !b) return !a && !b;
  return a->key == b->key && a->text == b->text && a->revision == b->revision &&
         a->origin == b->origin;
}

// A sink that keeps what it is told, and fails the test where that cannot be: out of turn, from two
// threads at once, at a revision that does not rise, or other than what was told before. Safe to
// ask from any thread.
class RecordingSink : public Store::Sink {
 public:
  void OnSnapshot(Snapshot snapshot) override {
    const Call call(*this);
    const std::scoped_lock lock(mutex_);
    groups_.clear();
    for (const StoredGroupPtr& group : snapshot.groups) {
      EXPECT_TRUE(groups_.empty() || groups_.rbegin()->first < group->key) << "ordered by key";
      EXPECT_LE(group->revision, snapshot.revision);
      groups_.emplace(group->key, group);
    }
    revision_ = snapshot.revision;
    is_new_ = snapshot.is_new;
    ++snapshots_;
    told_.notify_all();
  }

  void OnChanges(Revision revision, std::span<const Change> changes,
                 const Store::Ticket& ticket) override {
    const Call call(*this);
    const std::scoped_lock lock(mutex_);
    EXPECT_GT(snapshots_, 0) << "the snapshot comes first";
    EXPECT_GT(revision, revision_) << "revisions only rise";
    revision_ = revision;
    for (const Change& change : changes) {
      EXPECT_EQ(change.revision, revision);
      const auto known = groups_.find(change.key);
      EXPECT_TRUE(IsSame(change.before, known == groups_.end() ? nullptr : known->second));
      if (change.after) {
        EXPECT_EQ(change.after->revision, revision);
        EXPECT_EQ(change.after->origin, change.origin);
        groups_.insert_or_assign(change.key, change.after);
      } else {
        EXPECT_NE(change.before, nullptr) << "what was not there was removed";
        groups_.erase(change.key);
      }
      changes_.push_back(change);
    }
    last_ticket_ = ticket;
    told_.notify_all();
  }

  void OnWritable(const std::optional<Error>& failure) override {
    const Call call(*this);
    const std::scoped_lock lock(mutex_);
    failure_ = failure;
  }

  Snapshot Told() override {
    const std::scoped_lock lock(mutex_);
    Snapshot snapshot{.revision = revision_, .groups = {}};
    for (const auto& [key, group] : groups_) snapshot.groups.push_back(group);
    return snapshot;
  }

  // Waits until `count` snapshots came, all in all.
  void AwaitSnapshots(int count) {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [&] { return snapshots_ >= count; });
  }
  void AwaitRevision(Revision revision) {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [&] { return revision_ >= revision; });
  }

  int snapshots() const { return Locked(snapshots_); }
  Revision revision() const { return Locked(revision_); }
  bool is_new() const { return Locked(is_new_); }
  std::vector<Change> changes() const { return Locked(changes_); }
  std::optional<Error> failure() const { return Locked(failure_); }
  std::map<GroupKey, StoredGroupPtr> groups() const { return Locked(groups_); }
  StoredGroupPtr Find(const std::string& application, const std::string& environment = "e") const {
    const auto groups = this->groups();
    const auto it = groups.find(GroupKey{application, environment});
    return it == groups.end() ? nullptr : it->second;
  }
  // That of the last change, which is let go here.
  Store::Ticket TakeTicket() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(last_ticket_, nullptr);
  }

 private:
  // One call at a time.
  class Call {
   public:
    explicit Call(RecordingSink& sink) : sink_(sink) {
      EXPECT_FALSE(sink_.is_called_.exchange(true)) << "two calls at once";
    }
    ~Call() { sink_.is_called_ = false; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    RecordingSink& sink_;
  };

  template <typename T>
  T Locked(const T& value) const {
    const std::scoped_lock lock(mutex_);
    return value;
  }

  std::atomic<bool> is_called_ = false;
  mutable std::mutex mutex_;  // Guards all below.
  std::condition_variable told_;
  std::map<GroupKey, StoredGroupPtr> groups_;
  std::vector<Change> changes_;
  Store::Ticket last_ticket_;
  std::optional<Error> failure_;
  Revision revision_ = 0;
  int snapshots_ = 0;
  bool is_new_ = false;
};

}  // namespace target_eye
