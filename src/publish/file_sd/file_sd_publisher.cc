#include "publish/file_sd/file_sd_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "publish/file_sd/file_sd_directory.h"
#include "publish/file_sd/group_files.h"
#include "publish/group_filter.h"
#include "publish/token_bucket.h"
#include "telemetry/log.h"
#include "util/backoff.h"
#include "util/thread.h"

namespace target_eye {
namespace {

constexpr std::string_view kPublisherName = "file_sd";

constexpr int kBurst = 5;
constexpr auto kInterval = std::chrono::seconds(1);
constexpr auto kMaxInterval = std::chrono::seconds(10);
constexpr double kBytesPerInterval = 8 << 20;

constexpr Backoff::Duration kFirstRetry{100};

constexpr std::size_t kForeignFilesNamed = 10;

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

}  // namespace

class FileSdPublisher::Impl {
 public:
  Impl(FileSdOptions options, Metrics& metrics, const Clock& clock)
      : filter_(std::move(options.selector)),
        directory_(std::move(options.directory)),
        files_(options.layout, options.meta_labels),
        metrics_(metrics),
        clock_(clock) {}

  Expected<void> Open() {
    if (auto made = directory_.Make(); !made) return made;
    thread_ = StartThread("file_sd", [this] { Run(); });
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
    wake_.notify_one();
  }

  void OnChanges(Revision revision, std::span<const Change> changes, AnswerHold hold) {
    {
      const std::lock_guard lock(mutex_);
      told_ = revision;
      bool is_of_use = false;
      for (const Change& change : changes) {
        auto group = filter_.Apply(change);
        if (!group) continue;
        is_of_use = true;
        queue_.changes.insert_or_assign(change.key, *std::move(group));
      }
      if (!is_of_use) return NoteSameAs(revision);
      queue_.revision = revision;
      queue_.waits = true;
      if (IsSoonPublished()) queue_.holds.push_back(std::move(hold));
    }
    wake_.notify_one();
  }

  Status GetStatus() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

  void Stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
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
  bool IsSoonPublished() {
    if (!has_snapshot_ || failing_) return false;
    if (queue_.snapshot || queue_.has_token) return true;
    queue_.has_token = bucket_.TryTake(clock_.Now());
    return queue_.has_token;
  }

  // How long to wait for the next publication; nothing where there is none to come. Under the lock.
  std::optional<SteadyTime::duration> TimeToNext() {
    if (!has_snapshot_ || !(queue_.waits || failing_)) return std::nullopt;
    // Retries go by the real time, as the file system does.
    if (failing_) return retry_at_ - std::chrono::steady_clock::now();
    if (queue_.snapshot || queue_.has_token) return SteadyTime::duration::zero();
    const SteadyTime now = clock_.Now();
    queue_.has_token = bucket_.TryTake(now);
    return queue_.has_token ? SteadyTime::duration::zero() : bucket_.NextAt() - now;
  }

  void Run() {
    Guard lock(mutex_);
    for (bool last = false; !last;) {
      const auto time = TimeToNext();
      last = stopping_;
      if (last && !time) return;
      if (last || (time && *time <= SteadyTime::duration::zero())) {
        PublishQueue(lock);
      } else if (time) {
        wake_.wait_for(lock, *time);
      } else {
        wake_.wait(lock);
      }
    }
  }

  // Lets go of the lock while it works.
  void PublishQueue(Guard& lock) {
    Queue batch = std::exchange(queue_, {});
    const Revision revision = batch.waits ? batch.revision : taken_;
    taken_ = revision;
    publishing_ = true;
    lock.unlock();

    const SteadyTime begin = clock_.Now();
    const bool is_snapshot = batch.snapshot.has_value();
    const GroupFiles::Outcome outcome = Publish(batch);
    const SteadyTime end = clock_.Now();
    if (outcome.events > 0) metrics_.PublicationChanged(kPublisherName);
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
      status_ = {revision, ""};
      backoff_.Reset();
    }
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
    if (*is_other) files_.Invalidate();
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
    if (!std::exchange(has_warned_, true)) WarnOfForeignFiles(directory_);
  }

  // Of whoever tells of changes, one at a time.
  GroupFilter filter_;

  // Of the thread alone, once it runs.
  FileSdDirectory directory_;
  GroupFiles files_;
  Backoff backoff_{kFirstRetry, kMaxDiskRetry};
  std::string logged_failure_;
  bool has_warned_ = false;

  Metrics& metrics_;
  const Clock& clock_;

  mutable std::mutex mutex_;  // Guards all below but the thread.
  std::condition_variable wake_;
  Queue queue_;
  TokenBucket bucket_{kBurst, kInterval};
  Status status_;
  Revision taken_ = 0;  // The revision of what the thread took last.
  Revision told_ = 0;   // The newest that there is.
  bool has_snapshot_ = false;
  bool publishing_ = false;
  bool failing_ = false;
  std::chrono::steady_clock::time_point retry_at_;
  bool stopping_ = false;

  std::thread thread_;
};

Expected<std::unique_ptr<FileSdPublisher>> FileSdPublisher::Open(FileSdOptions options,
                                                                 Metrics& metrics,
                                                                 const Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), metrics, clock);
  if (auto opened = impl->Open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<FileSdPublisher>(new FileSdPublisher(std::move(impl)));
}

FileSdPublisher::FileSdPublisher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

FileSdPublisher::~FileSdPublisher() { FileSdPublisher::Stop(); }

void FileSdPublisher::OnSnapshot(const Snapshot& snapshot) { impl_->OnSnapshot(snapshot); }

void FileSdPublisher::OnChanges(Revision revision, std::span<const Change> changes,
                                AnswerHold hold) {
  impl_->OnChanges(revision, changes, std::move(hold));
}

Publisher::Status FileSdPublisher::status() const { return impl_->GetStatus(); }

void FileSdPublisher::Stop() { impl_->Stop(); }

}  // namespace target_eye
