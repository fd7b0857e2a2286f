#include "publish/file_sd/file_sd_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "publish/file_sd/change_flood.h"
#include "publish/file_sd/damage_report.h"
#include "publish/file_sd/directory_access.h"
#include "publish/file_sd/directory_watch.h"
#include "publish/file_sd/file_sd_directory.h"
#include "publish/file_sd/group_files.h"
#include "publish/group_filter.h"
#include "telemetry/log.h"
#include "util/backoff.h"
#include "util/thread.h"
#include "util/token_bucket.h"

namespace target_eye {
namespace {

constexpr std::string_view kPublisherName = "file_sd";

constexpr int kBurst = 5;
constexpr auto kInterval = std::chrono::seconds(1);
constexpr auto kMaxInterval = std::chrono::seconds(10);
constexpr double kBytesPerInterval = 8 << 20;

constexpr Backoff::Duration kFirstRetry{100};

constexpr std::size_t kForeignFilesNamed = 10;

using RealClock = std::chrono::steady_clock;

// When a look is taken at what is published: this often, at so many files in turn where what
// happens to the rest is heard of...
constexpr auto kLookInterval = std::chrono::seconds(2);
constexpr std::size_t kFilesAtALook = 4096;
// ...and at once where something is heard, but not more often than this.
constexpr auto kLookPause = std::chrono::seconds(1);
// ...and a moment later, so that who removes many files, or the directory, has done with it.
constexpr auto kSettling = std::chrono::milliseconds(100);

// How long Prometheus is to be spared after a publication: it reads all files at each event.
TokenBucket::Duration CostOf(std::size_t events, std::uint64_t total_bytes) {
  if (events == 0) return TokenBucket::Duration::zero();
  const double intervals =
      static_cast<double>(events) * static_cast<double>(total_bytes) / kBytesPerInterval;
  const double most = static_cast<double>(kMaxInterval / kInterval);
  return std::chrono::duration_cast<TokenBucket::Duration>(kInterval *
                                                           std::clamp(intervals, 1.0, most));
}

void WarnOfForeignFiles(const FileSdDirectory& directory) {
  const auto names = directory.ForeignFiles();
  if (!names || names->empty()) return;
  std::string text;
  for (std::size_t i = 0; i < std::min(names->size(), kForeignFilesNamed); ++i) {
    text += (i == 0 ? "" : " ") + (*names)[i];
  }
  Log(LogLevel::kWarning,
      "the directory holds files that this program did not make; they are left alone, and "
      "Prometheus reads them beside ours: move them away if they are not meant to be there",
      {{"directory", directory.path()}, {"count", names->size()}, {"files", text}});
}

void WarnOfModes(const FileSdDirectory& directory) {
  const std::string obstacle = WhatKeepsOthersOut(directory.path());
  if (obstacle.empty()) return;
  Log(LogLevel::kWarning,
      "not everybody can read what is published; unless Prometheus runs as this user or in the "
      "directory's group, it finds no targets",
      {{"obstacle", obstacle}});
}

}  // namespace

class FileSdPublisher::Impl : public std::enable_shared_from_this<FileSdPublisher::Impl> {
 public:
  Impl(FileSdOptions options, Metrics& metrics, const Clock& clock)
      : path_(options.directory),
        patience_(options.patience),
        stalled_after_(options.stalled_after),
        filter_(std::move(options.selector)),
        directory_(std::move(options.directory)),
        files_(options.layout, options.meta_labels),
        metrics_(metrics),
        clock_(clock) {}

  Expected<void> Open() {
    auto watch = DirectoryWatch::Make();
    if (!watch) return std::unexpected(watch.error());
    watch_ = *std::move(watch);
    if (auto made = directory_.Make(); !made) return made;
    watch_->Watch(directory_.path());
    access_ = directory_.access();
    metrics_.PublishedFilesRestored(kPublisherName, 0);
    thread_ = StartThread("file_sd", [self = shared_from_this()] { self->Run(); });
    return {};
  }

  void OnSnapshot(const Snapshot& snapshot) {
    auto selected = filter_.Reset(snapshot.groups);
    if (selected.empty() && !snapshot.groups.empty()) WarnOfSelector(snapshot.groups.size());
    {
      const std::lock_guard lock(mutex_);
      queue_.snapshot = std::move(selected);
      queue_.changes.clear();
      queue_.revision = told_ = snapshot.revision;
      queue_.waits = true;
      has_snapshot_ = true;
    }
    watch_->Wake();
  }

  void OnChanges(Revision revision, std::span<const Change> changes, AnswerHold hold) {
    {
      const std::lock_guard lock(mutex_);
      told_ = revision;
      std::size_t of_use = 0;
      for (const Change& change : changes) {
        auto group = filter_.Apply(change);
        if (!group) continue;
        ++of_use;
        queue_.changes.insert_or_assign(change.key, *std::move(group));
      }
      if (of_use == 0) return NoteSameAs(revision);
      const SteadyTime now = clock_.Now();
      flood_.Note(of_use, now);
      if (!queue_.waits) queue_.since = now;
      queue_.revision = revision;
      queue_.waits = true;
      if (IsSoonPublished(now)) queue_.holds.push_back(std::move(hold));
    }
    watch_->Wake();
  }

  Status GetStatus() const {
    const std::lock_guard lock(mutex_);
    const auto busy = TimeBusy();
    metrics_.SetPublicationRunning(kPublisherName, busy);
    Status status = status_;
    if (busy >= stalled_after_) {
      status.failure =
          fmt::format("publishing has taken {} s so far: is the file system of {} stalled?",
                      std::chrono::floor<std::chrono::seconds>(busy).count(), path_);
    }
    return status;
  }

  bool Stop() {
    Guard lock(mutex_);
    stopping_ = true;
    watch_->Wake();
    if (!thread_.joinable()) return !is_hung_;
    is_hung_ = !end_.wait_for(lock, stalled_after_, [this] { return has_ended_; });
    lock.unlock();
    if (!is_hung_) {
      thread_.join();
    } else {
      thread_.detach();
      Log(LogLevel::kError,
          "the last publication has no end, and the stop does not wait for it: what it lacks is "
          "published at the next start; is the file system of the directory stalled?",
          {{"directory", path_}});
    }
    return !is_hung_;
  }

 private:
  void WarnOfSelector(std::size_t groups) const {
    Log(LogLevel::kWarning,
        "PUBLISH_SELECTOR selects none of the groups, and nothing is published; its values are "
        "globs, such as web-*",
        {{"publish_selector", filter_.selector().text()}, {"groups", groups}});
  }

  // What is to be published next. Bounded by the number of groups: of each only the latest counts.
  struct Queue {
    bool waits = false;
    std::optional<std::vector<StoredGroupPtr>> snapshot;  // Comes before `changes`.
    std::unordered_map<GroupKey, StoredGroupPtr, GroupKeyHash, GroupKeyEqual> changes;
    SteadyTime since;  // When the first of them came.
    Revision revision = 0;
    std::vector<AnswerHold> holds;
    bool has_token = false;
  };

  using Guard = std::unique_lock<std::mutex>;

  // What is visible is that of `revision` too, if nothing is on its way; what is will look itself.
  // Under the lock.
  void NoteSameAs(Revision revision) {
    if (queue_.waits || publishing_ || failing_ || !status_.published) return;
    status_.published = revision;
    metrics_.SetPublishedRevision(kPublisherName, revision);
  }

  // Whether what is in the queue will be published at once, a token being set aside for it. Under
  // the lock.
  bool IsSoonPublished(SteadyTime now) {
    if (!has_snapshot_ || failing_ || TimeBusy() >= patience_) return false;
    if (queue_.snapshot || queue_.has_token) return true;
    if (flood_.Due(queue_.since, now) > now) return false;
    queue_.has_token = bucket_.TryTake(now);
    return queue_.has_token;
  }

  // How long the thread has been at what it does to files now. Under the lock.
  RealClock::duration TimeBusy() const {
    return busy_since_ ? RealClock::now() - *busy_since_ : RealClock::duration::zero();
  }

  // How long to wait for the next publication; nothing if there is none to come. Under the lock.
  std::optional<SteadyTime::duration> TimeToNext() {
    if (!has_snapshot_ || !(queue_.waits || failing_ || repairing_)) return std::nullopt;
    // Retries go by the real time, as the file system does.
    if (failing_) return retry_at_ - std::chrono::steady_clock::now();
    if (queue_.snapshot || queue_.has_token) return SteadyTime::duration::zero();
    const SteadyTime now = clock_.Now();
    if (const SteadyTime due = flood_.Due(queue_.since, now); due > now) return due - now;
    queue_.has_token = bucket_.TryTake(now);
    return queue_.has_token ? SteadyTime::duration::zero() : bucket_.NextAt() - now;
  }

  void Run() {
    Guard lock(mutex_);
    Work(lock);
    has_ended_ = true;
    end_.notify_all();
  }

  void Work(Guard& lock) {
    for (bool last = false; !last;) {
      const auto time = TimeToNext();
      last = stopping_;
      if (last && !time) return;
      if (!last && IsLookDue()) {
        busy_since_ = RealClock::now();
        Look(lock);
        busy_since_.reset();
      } else if (last || (time && *time <= SteadyTime::duration::zero())) {
        busy_since_ = RealClock::now();
        PublishQueue(lock);
        busy_since_.reset();
      } else {
        Sleep(lock, time);
      }
    }
  }

  // Until there is nothing published, there is nothing to look at.
  bool IsLookDue() const { return status_.published && RealClock::now() >= look_at_; }

  // Until something is to be done, for `time` at most.
  void Sleep(Guard& lock, std::optional<SteadyTime::duration> time) {
    const bool looks = status_.published.has_value();
    lock.unlock();
    if (looks) {
      const SteadyTime::duration to_look = look_at_ - RealClock::now();
      time = time ? std::min(*time, to_look) : to_look;
    }
    // What is heard is left where it is until it is looked at.
    const bool listening = looks && !has_heard_;
    if (watch_->Sleep(time, listening)) {
      has_heard_ = true;
      look_at_ =
          std::min(look_at_, std::max(looked_at_ + kLookPause, RealClock::now() + kSettling));
    }
    lock.lock();
  }

  // Looks whether Prometheus can read what was published. Lets go of the lock while it works.
  void Look(Guard& lock) {
    lock.unlock();
    has_heard_ = false;
    const DirectoryWatch::Heard heard = watch_->Take();
    const bool is_lost = directory_.IsLost();
    bool is_changed = is_lost || directory_.IsHiddenFolderLost();
    if (!is_lost) {
      const bool all = heard.anything || !watch_->hears();
      const auto names =
          directory_.Look(heard, all ? std::numeric_limits<std::size_t>::max() : kFilesAtALook);
      files_.MarkStale(names);
      is_changed = is_changed || !names.empty();
      LookWhoMayEnter();
    } else if (lost_.empty()) {
      lost_ = Lost();
    }
    looked_at_ = RealClock::now();
    if (!is_changed) report_.Well(looked_at_);
    look_at_ = looked_at_ + (report_.is_contested() ? kLookPause : kLookInterval);

    lock.lock();
    if (is_changed) {
      repairing_ = true;
      if (!failing_ && !queue_.has_token) queue_.has_token = bucket_.TryTake(clock_.Now());
    }
    const bool is_next = queue_.has_token && !failing_;
    lock.unlock();
    // What may be no damage is none where that is known in a moment.
    const bool is_certain = is_lost || directory_.guard().is_certain();
    if (is_certain || !is_next) NoteDamage(is_certain);
    lock.lock();
    ShowDamage();
  }

  std::string Lost() const {
    return fmt::format("the directory {} was removed, or another one is in its place",
                       directory_.path());
  }

  void NoteDamage(bool is_certain) {
    const std::string what = lost_.empty() ? directory_.guard().damage() : lost_;
    if (!what.empty()) report_.Found(what, is_certain);
  }

  // The directory's own mode is its maker's affair: it is only looked at.
  void LookWhoMayEnter() {
    const DirectoryAccess access = directory_.access();
    if (access < access_ && closed_.empty()) {
      Log(LogLevel::kWarning,
          "somebody changed the mode of the directory; a Prometheus that runs as a user who cannot "
          "enter it any more finds no targets",
          {{"obstacle", WhatKeepsOthersOut(directory_.path())}});
    }
    closed_.clear();
    if (access == DirectoryAccess::kOwner && access_ != DirectoryAccess::kOwner) {
      closed_ =
          "only its owner can enter the directory now: " + WhatKeepsOthersOut(directory_.path());
      return;  // What it was is what it is to be again.
    }
    access_ = access;
  }

  // Under the lock.
  void ShowDamage() { status_.damage = closed_.empty() ? report_.text() : closed_; }

  // After a publication.
  void ReportRestored(const GroupFiles::Outcome& outcome) {
    auto [files, what] = directory_.guard().TakeRestored();
    if (!lost_.empty() && !outcome.failure) {
      files = outcome.events;
      what = std::exchange(lost_, {});
    }
    if (files > 0) metrics_.PublishedFilesRestored(kPublisherName, files);
    if (outcome.failure) {
      NoteDamage(true);
    } else {
      report_.Mended(files > 0 ? what : "", RealClock::now());
    }
  }

  // Lets go of the lock while it works.
  void PublishQueue(Guard& lock) {
    Queue batch = std::exchange(queue_, {});
    const Revision revision = batch.waits ? batch.revision : taken_;
    taken_ = revision;
    publishing_ = true;
    repairing_ = false;
    lock.unlock();

    const SteadyTime begin = clock_.Now();
    const bool is_snapshot = batch.snapshot.has_value();
    const GroupFiles::Outcome outcome = Publish(batch);
    const SteadyTime end = clock_.Now();
    if (outcome.events > 0) metrics_.PublicationChanged(kPublisherName);
    ReportRestored(outcome);
    Report(outcome.failure, end - begin, revision);

    lock.lock();
    auto cost = CostOf(outcome.events, files_.total_bytes());
    // So that the first change after a start does not wait for what the start itself cost.
    if (is_snapshot) cost = std::min<TokenBucket::Duration>(cost, kInterval);
    bucket_.Spend(cost - (batch.has_token ? kInterval : TokenBucket::Duration::zero()), end);
    failing_ = outcome.failure.has_value();
    std::vector<AnswerHold> overdue;
    if (failing_) {
      status_.failure = outcome.failure->message;
      retry_at_ = std::chrono::steady_clock::now() + backoff_.Next();
      overdue = std::exchange(queue_.holds, {});
    } else {
      status_.published = revision;
      status_.failure.clear();
      backoff_.Reset();
    }
    ShowDamage();
    publishing_ = false;
    NoteSameAs(told_);
    lock.unlock();
    overdue.clear();
    batch.holds.clear();
    lock.lock();
  }

  GroupFiles::Outcome Publish(Queue& batch) {
    if (batch.snapshot) files_.Reset(*batch.snapshot);
    for (auto& [key, group] : batch.changes) files_.Put(key, std::move(group));
    batch.snapshot.reset();
    batch.changes.clear();

    const auto is_other = directory_.Refresh();
    if (!is_other) return {0, is_other.error()};
    if (*is_other) {
      files_.Invalidate();
      watch_->Watch(directory_.path());
      if (lost_.empty()) lost_ = Lost();
    }
    return files_.Publish(directory_);
  }

  void Report(const std::optional<Error>& failure, Metrics::Seconds took, Revision revision) {
    if (failure) {
      metrics_.PublicationFailed(kPublisherName);
      // Once, not at each retry.
      if (failure->message != logged_failure_) {
        Log(LogLevel::kError,
            "publication failed; what was published before stays, and it is tried again",
            {{"failure", failure->message}});
      }
      logged_failure_ = failure->message;
      return;
    }
    metrics_.ObservePublication(kPublisherName, took, revision);
    if (!logged_failure_.empty()) {
      Log(LogLevel::kInfo, "publication works again", {{"revision", revision}});
      logged_failure_.clear();
    }
    if (!std::exchange(has_warned_, true)) {
      WarnOfForeignFiles(directory_);
      WarnOfModes(directory_);
    }
  }

  const std::string path_;
  const std::chrono::milliseconds patience_;
  const std::chrono::milliseconds stalled_after_;

  // Of whoever tells of changes, one at a time.
  GroupFilter filter_;

  // Of the thread alone, once it runs.
  FileSdDirectory directory_;
  GroupFiles files_;
  Backoff backoff_{kFirstRetry, kMaxDiskRetry};
  std::string logged_failure_;
  bool has_warned_ = false;
  std::unique_ptr<DirectoryWatch> watch_;  // But for Wake.
  bool has_heard_ = false;                 // Something that was not looked at yet.
  RealClock::time_point looked_at_;
  RealClock::time_point look_at_;
  DirectoryAccess access_ = DirectoryAccess::kAll;
  std::string closed_;  // What keeps Prometheus out of the directory.
  std::string lost_;    // What became of the directory, until all is in another.
  DamageReport report_;

  Metrics& metrics_;
  const Clock& clock_;

  mutable std::mutex mutex_;  // Guards all below but the thread.
  Queue queue_;
  TokenBucket bucket_{kBurst, kInterval};
  ChangeFlood flood_;
  Status status_;
  Revision taken_ = 0;  // The revision of what the thread took last.
  Revision told_ = 0;   // The newest that there is.
  bool has_snapshot_ = false;
  bool publishing_ = false;
  bool failing_ = false;
  bool repairing_ = false;  // Something is out of date that no change made so.
  std::chrono::steady_clock::time_point retry_at_;
  std::optional<RealClock::time_point> busy_since_;  // The thread is at files since then.
  bool stopping_ = false;
  bool has_ended_ = false;
  std::condition_variable end_;
  bool is_hung_ = false;

  std::thread thread_;
};

Expected<std::unique_ptr<FileSdPublisher>> FileSdPublisher::Open(FileSdOptions options,
                                                                 Metrics& metrics,
                                                                 const Clock& clock) {
  auto impl = std::make_shared<Impl>(std::move(options), metrics, clock);
  if (auto opened = impl->Open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<FileSdPublisher>(new FileSdPublisher(std::move(impl)));
}

FileSdPublisher::FileSdPublisher(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

FileSdPublisher::~FileSdPublisher() { FileSdPublisher::Stop(); }

void FileSdPublisher::OnSnapshot(const Snapshot& snapshot) { impl_->OnSnapshot(snapshot); }

void FileSdPublisher::OnChanges(Revision revision, std::span<const Change> changes,
                                AnswerHold hold) {
  impl_->OnChanges(revision, changes, std::move(hold));
}

Publisher::Status FileSdPublisher::status() const { return impl_->GetStatus(); }

bool FileSdPublisher::Stop() { return impl_->Stop(); }

}  // namespace target_eye
