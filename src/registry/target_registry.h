#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
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
// One thread, the committer, puts writes in order: it takes all requests that wait, evaluates them
// in order of arrival by the rules of model/, and has the store keep the result as one batch (one
// transaction, one fsync). Readers never wait for writers.
class TargetRegistry {
 public:
  // The group after the change or, if the request removed it, before; or why nothing was changed.
  using Done = std::move_only_function<void(Expected<StoredGroupPtr>)>;

  struct Options {
    // Requests that may wait; one more is answered kOverloaded at once.
    std::size_t queue_limit = 65536;
    // Requests that one commit takes.
    std::size_t batch_limit = 4096;
    // How many groups there may be, and how large one may become; a request that would exceed it is
    // answered kInvalid.
    std::size_t group_limit = 1'000'000;
    GroupLimits group_limits = {};
    // How often the store is checked while nobody writes.
    std::chrono::milliseconds look_every{1000};
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

  // Opens the store and loads all of it. Errors are those of the store.
  Expected<void> Open();

  // Writes groups as they are, in one commit; for an import, between Open and Start. Works on the
  // calling thread.
  Expected<void> Import(std::span<const GroupWrite> writes);

  // Tells the listeners the first snapshot and starts to commit.
  void Start();

  // Evaluates and commits `request`; `changed_by` is who asked. `done` is called exactly once:
  // inside Submit if the request is refused at once, otherwise on the committer's thread or on a
  // listener's. It must not block. When it is called with a group, the change is durable: it
  // survives kill -9 and power loss. From any thread.
  void Submit(ChangeRequest request, std::string changed_by, Done done);

  // The group, or null. From any thread; takes a lock for a moment, under which no I/O is done.
  StoredGroupPtr Find(const GroupKeyView& key) const;

  Counts counts() const;

  // False while the store has to be opened again and cannot be.
  bool writable() const;

  // What the last commit, or the last look at the store, found wrong; empty if nothing. A look
  // comes every `look_every` while nobody writes. It sees a state that is no longer where it was
  // left, and whether writing works again after it failed; it does not see that the next write will
  // fail. From any thread.
  std::string failure() const;

  // Takes no more requests, commits what waits, and closes the store.
  void Stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace target_eye
