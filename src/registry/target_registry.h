#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/change_request.h"
#include "model/group_limits.h"
#include "registry/change_listener.h"
#include "store/store.h"
#include "telemetry/metrics.h"
#include "util/clock.h"

namespace target_eye {

// The use cases: look a group up, change one. It stands between the store, which nothing else talks
// to, and the listeners, which it tells of every change.
//
// Writes are ordered by one thread, the committer: it takes all requests that wait, as far as one
// commit may hold them, evaluates them in order of arrival by the rules of model/, and has the
// store keep what comes of them in one commit (one transaction, one fsync). Readers never wait for
// writers.
class TargetRegistry {
 public:
  // The group after the change or, if the request removed it, before; or why nothing was changed.
  using Done = std::move_only_function<void(Expected<StoredGroupPtr>)>;

  struct Options {
    // Requests that may wait; one more is answered kOverloaded at once.
    std::size_t queue_limit = 65536;
    // What the requests may take that wait or are in the commit under way, by what they say of
    // groups: a body of a few bytes a target takes 16 times that. One more is answered kOverloaded,
    // unless it is the only one.
    std::size_t queue_bytes = std::size_t{128} << 20;
    // Requests that one commit takes, at most, and what the groups that they make may take, by the
    // store's BytesOf: the answers keep each of them until they are sent. What is more waits for
    // the next commit; the store's own limits hold besides.
    std::size_t batch_limit = 4096;
    std::size_t batch_bytes = std::size_t{4} << 20;
    // What one commit may take.
    std::chrono::milliseconds commit_timeout{10'000};
    // How long the answers of a commit wait for the last AnswerHold to go.
    std::chrono::milliseconds answer_patience{2000};
    // Groups that there may be, and how large one may become; a request that would exceed it is
    // answered kInvalid.
    std::size_t group_limit = 1'000'000;
    GroupLimits group_limits = {};
  };

  struct Counts {
    std::size_t groups = 0;
    std::size_t targets = 0;
    Revision revision = 0;
  };

  TargetRegistry(Store& store, Metrics& metrics, const Clock& clock, Options options);
  ~TargetRegistry();

  // Before Start. The listener must live until Stop has returned.
  void AddListener(ChangeListener& listener);

  // Opens the store. All of it is loaded when this returns, or, if the store has to wait for
  // others, when it comes; changes are refused until then. Errors are the store's.
  Expected<void> Open();

  // Whether nothing was ever written to the store, as far as is known.
  bool is_new() const;

  // Writes groups as they are, all or none, in one commit; for an import, between Open and Start.
  // On this thread. The error is that of one write.
  Expected<void> Import(std::vector<GroupWrite> writes);

  // Tells the listeners the first snapshot, now or when it comes, and starts to commit.
  void Start();

  // Evaluates and commits `request`; `changed_by` is who asked. `done` is called exactly once:
  // inside Submit if the request is refused at once, otherwise on the committer's thread, on a
  // listener's, or, if a listener hangs, on one that is there for that. It must not block. When it
  // is called with a group, the change is durable: it survives kill -9 and power loss. From any
  // thread.
  void Submit(ChangeRequest request, std::string changed_by, Done done);

  // The group, or null. From any thread; takes a lock for a moment, under which no I/O is done.
  StoredGroupPtr Find(const GroupKeyView& key) const;

  Counts counts() const;

  // How large a group may become. From any thread.
  const GroupLimits& group_limits() const;

  // Whether changes are tried: false while the store is not loaded, or is lost.
  bool writable() const;

  // Why changes cannot be kept, as the store says; empty where nothing is wrong. From any thread.
  std::string failure() const;

  // Takes no more requests, commits what waits, and closes the store.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace target_eye
