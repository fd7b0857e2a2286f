#include "registry/target_registry.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <iterator>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "registry/answers.h"
#include "registry/batch.h"
#include "registry/group_map.h"
#include "registry/store_feed.h"
#include "telemetry/log.h"
#include "util/thread.h"

namespace target_eye {
namespace {

// How often a request is evaluated before it is sent back, if it is overtaken each time.
constexpr int kConflictTries = 16;

// An import is all or nothing.
constexpr int kImportSet = 1;

constexpr std::string_view kUncertainMessage =
    "the write could not be confirmed: it may or may not be kept. Read the group before trying "
    "again";
constexpr std::string_view kUnavailableMessage =
    "the change could not be stored, and nothing was changed; try again in a moment";
constexpr std::string_view kLostMessage =
    "the change could not be stored, and nothing was changed: the state cannot be written, and "
    "/-/ready says why; try again when it is ready";

// What `request` takes in memory, roughly.
std::size_t BytesOf(const ChangeRequest& request) {
  constexpr std::size_t kBytesOfALabel = 160;
  std::size_t bytes =
      sizeof request + request.key.application.size() + request.key.environment.size();
  if (!request.data) return bytes;
  if (request.data->targets) {
    for (const Target& target : *request.data->targets) {
      bytes += sizeof target;
      if (target.text().size() >= sizeof target / 2) bytes += target.text().size();
    }
  }
  if (request.data->labels) {
    for (const auto& [name, value] : *request.data->labels) {
      bytes += kBytesOfALabel + name.size() + value.size();
    }
  }
  return bytes;
}

}  // namespace

class TargetRegistry::Impl {
 public:
  Impl(Store& store, Metrics& metrics, const Clock& clock, Options options)
      : store_(store),
        metrics_(metrics),
        clock_(clock),
        options_(options),
        feed_(map_, metrics),
        patience_(options.answer_patience) {}

  ~Impl() { Stop(); }

  void AddListener(ChangeListener& listener) { feed_.AddListener(listener); }

  Expected<void> Open() { return store_.Open(feed_); }

  bool is_new() const { return feed_.is_new(); }

  Expected<void> Import(std::vector<GroupWrite> writes) {
    for (GroupWrite& write : writes) write.set = kImportSet;
    // However large it is.
    for (Store::Written& one : CommitAndWait(std::move(writes), SteadyTime::max(), nullptr)) {
      if (one.error) return std::unexpected(*std::move(one.error));
    }
    return {};
  }

  void Start() {
    feed_.Start();
    tend_at_ = clock_.Now();
    patience_.Start();
    committer_ = StartThread("committer", [this] { RunCommitter(); });
  }

  void Submit(ChangeRequest request, std::string changed_by, Done done) {
    const std::size_t bytes = BytesOf(request);
    {
      const std::scoped_lock lock(mutex_);
      const bool has_room = queue_.size() < options_.queue_limit &&
                            (bytes_ == 0 || bytes_ + bytes <= options_.queue_bytes);
      if (!stopping_ && has_room) {
        queue_.push_back({.request = std::move(request),
                          .origin = {.who = std::move(changed_by), .cause = Cause::kClient},
                          .done = std::move(done),
                          .bytes = bytes});
        bytes_ += bytes;
        if (queue_.size() == 1) {
          wake_.notify_one();
        }
        return;
      }
    }
    done(stopping_ ? MakeError(ErrorCode::kUnavailable, "the service is shutting down")
                   : MakeError(ErrorCode::kOverloaded,
                               "too many changes wait to be stored; try again in a second"));
  }

  StoredGroupPtr Find(const GroupKeyView& key) const { return map_.Find(key); }
  Counts counts() const { return {map_.groups(), map_.targets(), feed_.revision()}; }
  const GroupLimits& group_limits() const { return options_.group_limits; }
  bool writable() const { return feed_.writable(); }
  std::string failure() const { return feed_.failure(); }

  void Stop() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      wake_.notify_one();
    }
    if (committer_.joinable()) {
      committer_.join();
    }
    store_.Close();
  }

 private:
  struct Waiting {
    ChangeRequest request;
    Origin origin;
    Done done;
    std::size_t bytes = 0;  // BytesOf the request.
    int tries = 0;          // How often it was overtaken.
  };

  void RunCommitter() {
    while (TakeRequests()) {
      tend_at_ = store_.Tend(clock_.Now());
      if (!taken_.empty()) CommitOnce();
    }
  }

  // Waits until there is something to do, and takes what one commit may hold; false: stopped, and
  // nothing waits any more.
  bool TakeRequests() {
    std::unique_lock lock(mutex_);
    const auto due = [this] { return stopping_ || !queue_.empty(); };
    if (!taken_.empty()) {
      // What the last commit left goes on at once.
    } else if (tend_at_) {
      wake_.wait_until(lock, *tend_at_, due);
    } else {
      wake_.wait(lock, due);
    }
    const auto count = std::min(queue_.size(), options_.batch_limit - taken_.size());
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    std::move(queue_.begin(), end, std::back_inserter(taken_));
    queue_.erase(queue_.begin(), end);
    return !taken_.empty() || !stopping_;
  }

  // As many of the requests that were taken as one commit holds. Those that were overtaken, and
  // those that did not find room, are taken still.
  void CommitOnce() {
    if (!writable()) {
      for (const Waiting& waiting : taken_) done_bytes_ += waiting.bytes;
      MakeRoom();
      for (Waiting& waiting : taken_) waiting.done(std::unexpected(Lost()));
      taken_.clear();
      overlay_.clear();
      return;
    }
    const SteadyTime began = clock_.Now();
    Batch batch(map_, overlay_, decoded_, BatchLimits());
    const std::size_t count = Fill(batch);
    auto answers = std::make_shared<Answers>();
    if (auto writes = batch.TakeWrites(); !writes.empty()) {
      auto written = CommitAndWait(std::move(writes), began + options_.commit_timeout, answers);
      Report(written, count, clock_.Now() - began);
      batch.Settle(std::move(written));
    }
    // What the batch knew of these groups is old, and what the map says is not older.
    for (std::size_t i = 0; i < count; ++i) overlay_.erase(taken_[i].request.key);
    std::vector<Waiting> again;
    for (std::size_t i = 0; i < count; ++i) {
      Waiting& waiting = taken_[i];
      const Store::Written* const overtaken = batch.Overtaken(i);
      if (overtaken != nullptr && ++waiting.tries < kConflictTries) {
        overlay_.insert_or_assign(waiting.request.key, overtaken->group);
        again.push_back(std::move(waiting));
      } else {
        done_bytes_ += waiting.bytes;
        answers->Add(std::move(waiting.done), ForClient(batch.Answer(i)));
      }
    }
    patience_.Watch(answers);
    taken_.erase(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(count));
    taken_.insert(taken_.begin(), std::make_move_iterator(again.begin()),
                  std::make_move_iterator(again.end()));
    if (taken_.empty()) overlay_.clear();
    MakeRoom();
  }

  // Before the answers go, so that whoever has one finds it.
  void MakeRoom() {
    const std::scoped_lock lock(mutex_);
    bytes_ -= std::exchange(done_bytes_, 0);
  }

  Batch::Limits BatchLimits() const {
    const Store::Limits store = store_.limits();
    return {.group = options_.group_limits,
            .groups = options_.group_limit,
            .writes = store.writes,
            .bytes = std::min(options_.batch_bytes, store.bytes),
            .group_bytes = store.bytes};
  }

  std::size_t Fill(Batch& batch) {
    const auto now_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.WallNow().time_since_epoch())
            .count();
    std::size_t count = 0;
    for (Waiting& waiting : taken_) {
      waiting.origin.when_ms = now_ms;
      if (!batch.Add({&waiting.request, &waiting.origin})) break;
      ++count;
    }
    return count;
  }

  std::vector<Store::Written> CommitAndWait(std::vector<GroupWrite> writes, SteadyTime deadline,
                                            Store::Ticket ticket) {
    std::promise<std::vector<Store::Written>> promise;
    auto written = promise.get_future();
    store_.Commit(
        std::move(writes), deadline, std::move(ticket),
        [promise = std::move(promise)](Revision, std::vector<Store::Written> results) mutable {
          promise.set_value(std::move(results));
        });
    return written.get();
  }

  void Report(const std::vector<Store::Written>& written, std::size_t requests,
              Metrics::Seconds took) {
    bool is_kept = false;
    const Error* failure = nullptr;
    for (const Store::Written& one : written) {
      is_kept |= !one.error;
      const bool is_own_fault = one.error && (one.error->code == ErrorCode::kConflict ||
                                              one.error->code == ErrorCode::kInvalid);
      if (one.error && !is_own_fault) failure = &*one.error;
    }
    if (failure != nullptr) {
      metrics_.CommitFailed();
      LogFailedCommit(failure->message);
      tend_at_ = clock_.Now();
    } else if (is_kept) {
      metrics_.ObserveCommit(requests, took);
      logged_commit_.clear();
    }
  }

  // Once, and not if the store has said it of itself.
  void LogFailedCommit(const std::string& error) {
    if (feed_.failure() == error || std::exchange(logged_commit_, error) == error) return;
    Log(LogLevel::kError, "a commit failed: its requests were answered 503", {{"error", error}});
  }

  static Expected<StoredGroupPtr> ForClient(Expected<StoredGroupPtr> answer) {
    if (answer || answer.error().code == ErrorCode::kInvalid) return answer;
    switch (answer.error().code) {
      case ErrorCode::kUncertain:
        return MakeError(ErrorCode::kUncertain, std::string(kUncertainMessage));
      case ErrorCode::kDamaged:
        return std::unexpected(Lost());
      default:
        return MakeError(ErrorCode::kUnavailable, std::string(kUnavailableMessage));
    }
  }

  static Error Lost() { return {ErrorCode::kUnavailable, std::string(kLostMessage)}; }

  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const Options options_;

  GroupMap map_;
  StoreFeed feed_;
  AnswerPatience patience_;

  // The committer's own.
  std::deque<Waiting> taken_;   // Those that were overtaken first.
  std::size_t done_bytes_ = 0;  // Of requests that no longer count.
  Batch::Overlay overlay_;      // What overtook them.
  LastDecoded decoded_;
  std::optional<SteadyTime> tend_at_;
  std::string logged_commit_;

  // Guards what follows.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> queue_;
  std::size_t bytes_ = 0;  // Of those in the queue and those that were taken.
  std::atomic<bool> stopping_ = false;

  std::thread committer_;
};

TargetRegistry::TargetRegistry(Store& store, Metrics& metrics, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(store, metrics, clock, options)) {}

TargetRegistry::~TargetRegistry() = default;

void TargetRegistry::AddListener(ChangeListener& listener) { impl_->AddListener(listener); }

Expected<void> TargetRegistry::Open() { return impl_->Open(); }

bool TargetRegistry::is_new() const { return impl_->is_new(); }

Expected<void> TargetRegistry::Import(std::vector<GroupWrite> writes) {
  return impl_->Import(std::move(writes));
}

void TargetRegistry::Start() { impl_->Start(); }

void TargetRegistry::Submit(ChangeRequest request, std::string changed_by, Done done) {
  impl_->Submit(std::move(request), std::move(changed_by), std::move(done));
}

StoredGroupPtr TargetRegistry::Find(const GroupKeyView& key) const { return impl_->Find(key); }

TargetRegistry::Counts TargetRegistry::counts() const { return impl_->counts(); }

const GroupLimits& TargetRegistry::group_limits() const { return impl_->group_limits(); }

bool TargetRegistry::writable() const { return impl_->writable(); }

std::string TargetRegistry::failure() const { return impl_->failure(); }

void TargetRegistry::Stop() { impl_->Stop(); }

}  // namespace target_eye
