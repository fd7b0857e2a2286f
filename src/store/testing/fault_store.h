#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

#include "store/store.h"

namespace target_eye {

// A Store over another one that fails when a test says so. Safe to command from any thread.
class FaultStore : public Store {
 public:
  explicit FaultStore(Store& store) : store_(store) {}

  // The next `times` commits fail with `code`. With kUncertain and `keeps_it` the write is kept all
  // the same, as can happen when an fsync fails.
  void FailCommits(int times, ErrorCode code, bool keeps_it = false) {
    const std::scoped_lock lock(mutex_);
    commit_failures_ = times;
    commit_code_ = code;
    keeps_it_ = keeps_it;
  }
  void FailOpens(int times) {
    const std::scoped_lock lock(mutex_);
    open_failures_ = times;
  }
  // Every Check fails with `code`; with nothing, none does.
  void FailChecks(std::optional<ErrorCode> code) {
    const std::scoped_lock lock(mutex_);
    check_failure_ = code;
  }
  // Runs once, before the next commit: another writer may come first.
  void BeforeCommit(std::function<void(Store&)> hook) {
    const std::scoped_lock lock(mutex_);
    before_commit_ = std::move(hook);
  }

  int commits() const { return commits_; }

  Expected<Snapshot> Open(ChangeSink sink) override {
    if (OpenFails()) return MakeError(ErrorCode::kIo, "injected");
    return store_.Open(std::move(sink));
  }

  Expected<Reopened> Reopen(const Snapshot& believed, ChangeSink sink) override {
    if (OpenFails()) return MakeError(ErrorCode::kIo, "injected");
    return store_.Reopen(believed, std::move(sink));
  }

  Expected<void> Check() override {
    const std::scoped_lock lock(mutex_);
    if (check_failure_) return MakeError(*check_failure_, "injected");
    return store_.Check();
  }

  Expected<Revision> Commit(std::span<const GroupWrite> writes) override {
    std::unique_lock lock(mutex_);
    ++commits_;
    if (auto hook = std::exchange(before_commit_, nullptr)) {
      lock.unlock();
      hook(store_);
      lock.lock();
    }
    if (commit_failures_ > 0) {
      --commit_failures_;
      const ErrorCode code = commit_code_;
      const bool keeps_it = keeps_it_;
      lock.unlock();
      if (keeps_it) {
        // Kept, but nobody is told, as after a commit whose fsync reported an error.
        if (store_.Open([](Revision, const std::vector<Change>&) {})) {
          std::ignore = store_.Commit(writes);
        }
      }
      return MakeError(code, "injected");
    }
    lock.unlock();
    return store_.Commit(writes);
  }

  void Close() override { store_.Close(); }

 private:
  bool OpenFails() {
    const std::scoped_lock lock(mutex_);
    if (open_failures_ == 0) return false;
    --open_failures_;
    return true;
  }

  Store& store_;
  std::mutex mutex_;
  int commit_failures_ = 0;
  int open_failures_ = 0;
  ErrorCode commit_code_ = ErrorCode::kUnavailable;
  bool keeps_it_ = false;
  std::optional<ErrorCode> check_failure_;
  std::function<void(Store&)> before_commit_;
  std::atomic<int> commits_ = 0;
};

}  // namespace target_eye
