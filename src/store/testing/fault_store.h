#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/store.h"

namespace target_eye {

// A Store over another one that fails when a test says so, and is looked after all the time. Safe
// to command from any thread.
class FaultStore : public Store, private Store::Sink {
 public:
  explicit FaultStore(Store& store) : store_(store) {}

  // The next `times` commits fail with `code`; with kUncertain the write is kept all the same if
  // `keeps_it`, and nobody is told, as when a sync failed.
  void FailCommits(int times, ErrorCode code, bool keeps_it = false) {
    const std::scoped_lock lock(mutex_);
    commit_failures_ = times;
    commit_code_ = code;
    keeps_it_ = keeps_it;
  }
  // The next `times` that it is opened, the first time or again, fail.
  void FailOpens(int times) { open_failures_ = times; }
  // Every look fails so, until it is told nothing.
  void FailChecks(std::optional<ErrorCode> code) {
    const std::scoped_lock lock(mutex_);
    check_failure_ = code;
  }
  // Runs once, before the next commit: another writer may come first.
  void BeforeCommit(std::function<void()> hook) {
    const std::scoped_lock lock(mutex_);
    before_commit_ = std::move(hook);
    is_hook_kept_ = false;
  }
  void BeforeEachCommit(std::function<void()> hook) {
    BeforeCommit(std::move(hook));
    const std::scoped_lock lock(mutex_);
    is_hook_kept_ = true;
  }

  int commits() const { return commits_; }

  Limits limits() const override { return store_.limits(); }

  Expected<void> Open(Store::Sink& sink) override {
    if (OpenFails()) return MakeError(ErrorCode::kIo, "injected");
    {
      const std::scoped_lock lock(sink_mutex_);
      sink_ = &sink;
    }
    return store_.Open(*this);
  }

  void Commit(std::vector<GroupWrite> writes, SteadyTime deadline, Ticket ticket,
              Done done) override {
    ++commits_;
    if (const auto hook = TakeHook()) hook();
    const std::size_t count = writes.size();
    const auto refuse = [&](const Error& error) {
      done(0, std::vector(count, Written{.error = error, .group = nullptr}));
    };
    if (is_lost_) return refuse({ErrorCode::kDamaged, "it is not open again yet"});
    if (const auto failure = TakeCommitFailure()) {
      if (failure->keeps_it) {
        store_.Close();
        Silent silent;
        if (store_.Open(silent)) {
          store_.Commit(std::move(writes), deadline, nullptr, [](Revision, auto) {});
        }
        store_.Close();
      }
      Fail({failure->code, "injected"});
      return refuse({failure->code, "injected"});
    }
    store_.Commit(
        std::move(writes), deadline, std::move(ticket),
        [this, done = std::move(done)](Revision revision, std::vector<Written> written) mutable {
          Recover();
          done(revision, std::move(written));
        });
  }

  std::optional<SteadyTime> Tend(SteadyTime now) override {
    const auto check = CheckFailure();
    if (!is_lost_ && check) {
      Fail({*check, "injected"});
    } else if (!is_lost_) {
      Recover();
    }
    if (is_lost_) OpenAgain();
    return now + std::chrono::milliseconds(1);
  }

  void Close() override {
    store_.Close();
    const std::scoped_lock lock(sink_mutex_);
    sink_ = nullptr;
  }

 private:
  struct CommitFailure {
    ErrorCode code;
    bool keeps_it;
  };

  class Silent : public Store::Sink {
    void OnSnapshot(Snapshot) override {}
    void OnChanges(Revision, std::span<const Change>, const Ticket&) override {}
    void OnWritable(const std::optional<Error>&) override {}
    Snapshot Told() override { return {}; }
  };

  // What the store below tells, perhaps on another thread than what is told here.
  void OnSnapshot(Snapshot snapshot) override {
    const std::scoped_lock lock(sink_mutex_);
    sink_->OnSnapshot(std::move(snapshot));
  }
  void OnChanges(Revision revision, std::span<const Change> changes,
                 const Ticket& ticket) override {
    const std::scoped_lock lock(sink_mutex_);
    sink_->OnChanges(revision, changes, ticket);
  }
  void OnWritable(const std::optional<Error>& failure) override {
    const std::scoped_lock lock(sink_mutex_);
    sink_->OnWritable(failure);
  }
  Snapshot Told() override { return sink_->Told(); }

  void Fail(const Error& error) {
    is_failing_ = true;
    is_lost_ = error.code != ErrorCode::kUnavailable;
    OnWritable(error);
  }

  void Recover() {
    if (is_failing_.exchange(false)) OnWritable(std::nullopt);
  }

  void OpenAgain() {
    if (OpenFails()) return Fail({ErrorCode::kIo, "injected"});
    if (!store_.Open(*this)) return;
    is_lost_ = false;
    Recover();
  }

  bool OpenFails() {
    if (open_failures_ == 0) return false;
    --open_failures_;
    return true;
  }

  std::function<void()> TakeHook() {
    const std::scoped_lock lock(mutex_);
    return is_hook_kept_ ? before_commit_ : std::exchange(before_commit_, nullptr);
  }

  std::optional<CommitFailure> TakeCommitFailure() {
    const std::scoped_lock lock(mutex_);
    if (commit_failures_ == 0) return std::nullopt;
    --commit_failures_;
    return CommitFailure{commit_code_, keeps_it_};
  }

  std::optional<ErrorCode> CheckFailure() {
    const std::scoped_lock lock(mutex_);
    return check_failure_;
  }

  Store& store_;
  std::mutex sink_mutex_;  // One call of the sink at a time. Guards `sink_`.
  Store::Sink* sink_ = nullptr;
  std::atomic<bool> is_failing_ = false;
  std::atomic<bool> is_lost_ = false;
  std::atomic<int> open_failures_ = 0;
  std::atomic<int> commits_ = 0;

  std::mutex mutex_;  // Guards all below: what a test has said.
  int commit_failures_ = 0;
  ErrorCode commit_code_ = ErrorCode::kUnavailable;
  bool keeps_it_ = false;
  std::optional<ErrorCode> check_failure_;
  std::function<void()> before_commit_;
  bool is_hook_kept_ = false;
};

}  // namespace target_eye
