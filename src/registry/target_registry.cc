#include "registry/target_registry.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "registry/batch.h"
#include "registry/group_map.h"
#include "telemetry/log.h"
#include "util/backoff.h"
#include "util/thread.h"

namespace target_eye {
namespace {

// How often a batch that was overtaken is evaluated again before its requests are sent back.
constexpr int kConflictRetries = 16;

constexpr std::string_view kUncertainMessage =
    "the write could not be confirmed: it may or may not be kept. Read the group before trying "
    "again";
constexpr std::string_view kUnavailableMessage =
    "the change could not be stored, and nothing was changed; try again in a moment";
constexpr std::string_view kLostMessage =
    "the change could not be stored, and nothing was changed: the state cannot be written, and "
    "/-/ready says why; try again when it is ready";

// The answers to the requests of one commit, sent when the last hold on them goes.
class Answers {
 public:
  void Add(TargetRegistry::Done done, Expected<StoredGroupPtr> answer) {
    answers_.emplace_back(std::move(done), std::move(answer));
  }

  static std::shared_ptr<Answers> Make() {
    return {new Answers, [](Answers* answers) {
              for (auto& [done, answer] : answers->answers_) {
                done(std::move(answer));
              }
              delete answers;
            }};
  }

 private:
  std::vector<std::pair<TargetRegistry::Done, Expected<StoredGroupPtr>>> answers_;
};

}  // namespace

class TargetRegistry::Impl {
 public:
  Impl(Store& store, Metrics& metrics, const Clock& clock, Options options)
      : store_(store), metrics_(metrics), clock_(clock), options_(options) {}

  ~Impl() { Stop(); }

  void AddListener(ChangeListener& listener) { listeners_.push_back(&listener); }

  Expected<void> Open() {
    const auto snapshot = store_.Open(Sink());
    if (!snapshot) {
      return std::unexpected(snapshot.error());
    }
    Use(*snapshot);
    return {};
  }

  Expected<void> Import(std::span<const GroupWrite> writes) {
    auto revision = store_.Commit(writes);
    return revision ? Expected<void>() : std::unexpected(revision.error());
  }

  void Start() {
    started_ = true;
    TellSnapshot();
    committer_ = StartThread("committer", [this] { RunCommitter(); });
  }

  void Submit(ChangeRequest request, std::string changed_by, Done done) {
    {
      const std::scoped_lock lock(mutex_);
      if (!stopping_ && queue_.size() < options_.queue_limit) {
        queue_.push_back({std::move(request), std::move(changed_by), std::move(done)});
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
  Counts counts() const { return {map_.groups(), map_.targets(), revision_}; }
  bool writable() const { return writable_; }

  std::string failure() const {
    const std::scoped_lock lock(failure_mutex_);
    return failure_;
  }

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
    std::string changed_by;
    Done done;
  };

  void RunCommitter() {
    std::vector<Waiting> taken;
    while (true) {
      {
        std::unique_lock lock(mutex_);
        const auto due = [this] { return stopping_ || !queue_.empty(); };
        if (writable_) {
          wake_.wait_for(lock, options_.look_every, due);
        } else {
          wake_.wait_until(lock, reopen_at_, due);
        }
        if (queue_.empty() && stopping_) {
          return;
        }
        const std::size_t count = std::min(queue_.size(), options_.batch_limit);
        if (count == queue_.size()) {
          taken.swap(queue_);
        } else {
          const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
          std::move(queue_.begin(), end, std::back_inserter(taken));
          queue_.erase(queue_.begin(), end);
        }
      }
      if (!writable_ && clock_.Now() >= reopen_at_) {
        Reopen();
      }
      if (!taken.empty()) {
        Commit(taken);
        taken.clear();
      } else if (writable_) {
        Look();
      }
    }
  }

  // What Commit would find, where nobody writes.
  void Look() {
    if (auto whole = store_.Check(); !whole) {
      LogFailure("the store cannot be written", whole.error().message);
      NoteFailure(whole.error());
      return;
    }
    NoteSuccess();
  }

  void Commit(std::vector<Waiting>& requests) {
    if (!writable_) {
      Refuse(requests, {ErrorCode::kUnavailable, std::string(kLostMessage)});
      return;
    }
    const SteadyTime began = clock_.Now();
    const auto now_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.WallNow().time_since_epoch())
            .count();
    std::vector<Batch::Item> items;
    items.reserve(requests.size());
    for (const Waiting& waiting : requests) {
      items.push_back({&waiting.request, waiting.changed_by, now_ms});
    }
    for (int attempt = 0; attempt < kConflictRetries; ++attempt) {
      const Batch batch(map_, items,
                        {.group = options_.group_limits, .groups = options_.group_limit});
      auto answers = Answers::Make();
      if (!batch.writes().empty()) {
        hold_ = answers;
        const auto committed = store_.Commit(batch.writes());
        hold_.reset();
        if (!committed) {
          if (committed.error().code == ErrorCode::kConflict) {
            continue;
          }
          OnCommitFailed(requests, committed.error());
          return;
        }
        OnCommitted(requests.size(), clock_.Now() - began);
      }
      for (std::size_t i = 0; i < requests.size(); ++i) {
        answers->Add(std::move(requests[i].done), batch.Answer(i, map_));
      }
      return;
    }
    Refuse(requests, {ErrorCode::kUnavailable, std::string(kUnavailableMessage)});
  }

  void OnCommitted(std::size_t requests, Metrics::Seconds took) {
    metrics_.ObserveCommit(requests, took);
    NoteSuccess();
  }

  void OnCommitFailed(std::vector<Waiting>& requests, const Error& error) {
    metrics_.CommitFailed();
    LogFailure("a commit failed: its requests were answered 503", error.message);
    NoteFailure(error);
    switch (error.code) {
      case ErrorCode::kUncertain:
        Refuse(requests, {ErrorCode::kUncertain, std::string(kUncertainMessage)});
        break;
      case ErrorCode::kDamaged:
        Refuse(requests, {ErrorCode::kUnavailable, std::string(kLostMessage)});
        break;
      default:
        Refuse(requests, {ErrorCode::kUnavailable, std::string(kUnavailableMessage)});
    }
  }

  void NoteFailure(const Error& error) {
    SetFailure(error.message);
    if (error.code == ErrorCode::kUnavailable) return;
    writable_ = false;
    reopen_at_ = clock_.Now();
  }

  void NoteSuccess() {
    if (std::exchange(logged_failure_, {}).empty()) return;
    SetFailure({});
    Log(LogLevel::kInfo, "commits work again", {{"revision", revision_.load()}});
  }

  void SetFailure(std::string failure) {
    const std::scoped_lock lock(failure_mutex_);
    failure_ = std::move(failure);
  }

  // Once, not for each batch while a disk is full.
  void LogFailure(std::string_view message, const std::string& error) {
    if (std::exchange(logged_failure_, error) != error) {
      Log(LogLevel::kError, message, {{"error", error}});
    }
  }

  // What is really kept is the truth, as far as it goes on from what was told: it replaces what was
  // believed.
  void Reopen() {
    // Nothing changes until it is open again.
    if (!believed_) believed_ = Snapshot{.revision = revision_, .groups = map_.Sorted()};
    const auto reopened = store_.Reopen(*believed_, Sink());
    if (!reopened) {
      reopen_at_ = clock_.Now() + backoff_.Next();
      SetFailure(reopened.error().message);
      // Once, not for each attempt.
      if (std::exchange(logged_reopening_, reopened.error().message) != reopened.error().message) {
        Log(LogLevel::kError, "the store cannot be opened again; writes are refused until it can",
            {{"error", reopened.error().message}});
      }
      return;
    }
    Use(reopened->snapshot);
    believed_.reset();
    backoff_.Reset();
    logged_reopening_.clear();
    logged_failure_.clear();
    SetFailure({});
    if (reopened->made_whole) {
      Log(LogLevel::kWarning,
          "the state on the disk was gone or damaged, and was written again from memory",
          {{"revision", revision_.load()}, {"groups", map_.groups()}});
    }
    Log(LogLevel::kInfo, "the store is open again", {{"revision", revision_.load()}});
  }

  void Use(const Snapshot& snapshot) {
    map_.Reset(snapshot.groups);
    revision_ = snapshot.revision;
    metrics_.SetState(map_.groups(), map_.targets(), revision_);
    if (started_) {
      TellSnapshot();
    }
    writable_ = true;
  }

  Store::ChangeSink Sink() {
    return [this](Revision revision, const std::vector<Change>& changes) {
      OnStoreChanges(revision, changes);
    };
  }

  static void Refuse(std::vector<Waiting>& requests, const Error& error) {
    for (Waiting& waiting : requests) {
      waiting.done(std::unexpected(error));
    }
  }

  void OnStoreChanges(Revision revision, const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      if (change.group) {
        map_.Put(change.group);
      } else {
        map_.Remove(change.key);
      }
    }
    revision_ = revision;
    metrics_.SetState(map_.groups(), map_.targets(), revision);
    if (started_) {
      for (ChangeListener* listener : listeners_) {
        listener->OnChanges(revision, changes, hold_);
      }
    }
  }

  void TellSnapshot() {
    const Snapshot snapshot{.revision = revision_, .groups = map_.Sorted()};
    for (ChangeListener* listener : listeners_) {
      listener->OnSnapshot(snapshot);
    }
  }

  Store& store_;
  Metrics& metrics_;
  const Clock& clock_;
  const Options options_;
  std::vector<ChangeListener*> listeners_;

  GroupMap map_;
  std::atomic<Revision> revision_ = 0;
  std::atomic<bool> writable_ = false;
  bool started_ = false;

  // Of the commit under way; taken by the listeners from inside Store::Commit.
  AnswerHold hold_;
  std::string logged_failure_;
  std::optional<Snapshot> believed_;  // While the store is not open.
  std::string logged_reopening_;
  Backoff backoff_{std::chrono::milliseconds(50), kMaxDiskRetry};
  SteadyTime reopen_at_;

  mutable std::mutex failure_mutex_;
  std::string failure_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> queue_;
  std::atomic<bool> stopping_ = false;
  std::thread committer_;
};

TargetRegistry::TargetRegistry(Store& store, Metrics& metrics, const Clock& clock, Options options)
    : impl_(std::make_unique<Impl>(store, metrics, clock, options)) {}

TargetRegistry::~TargetRegistry() = default;

void TargetRegistry::AddListener(ChangeListener& listener) { impl_->AddListener(listener); }

Expected<void> TargetRegistry::Open() { return impl_->Open(); }

Expected<void> TargetRegistry::Import(std::span<const GroupWrite> writes) {
  return impl_->Import(writes);
}

void TargetRegistry::Start() { impl_->Start(); }

void TargetRegistry::Submit(ChangeRequest request, std::string changed_by, Done done) {
  impl_->Submit(std::move(request), std::move(changed_by), std::move(done));
}

StoredGroupPtr TargetRegistry::Find(const GroupKeyView& key) const { return impl_->Find(key); }

TargetRegistry::Counts TargetRegistry::counts() const { return impl_->counts(); }

bool TargetRegistry::writable() const { return impl_->writable(); }

std::string TargetRegistry::failure() const { return impl_->failure(); }

void TargetRegistry::Stop() { impl_->Stop(); }

}  // namespace target_eye
