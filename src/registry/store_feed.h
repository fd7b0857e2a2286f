#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "registry/change_listener.h"
#include "registry/group_map.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace target_eye {

// What the store tells, on whatever thread it does: keeps the readers' map up to it, passes it on
// to the listeners, and remembers whether the store can be written to. All may be called from any
// thread, except AddListener, which comes before Start.
class StoreFeed : public Store::Sink {
 public:
  // Both must outlive the store's Close.
  StoreFeed(GroupMap& map, Metrics& metrics) : map_(map), metrics_(metrics) {}

  void AddListener(ChangeListener& listener) { listeners_.push_back(&listener); }
  // Tells the listeners a snapshot, now or when the first one comes, and from then on everything.
  void Start();

  // 0 until the first snapshot.
  Revision revision() const { return revision_; }
  // As of the last snapshot, and nothing was written since.
  bool is_new() const { return is_new_; }
  // Whether commits may be tried.
  bool writable() const;
  // Why changes cannot be kept; empty where nothing is wrong.
  std::string failure() const;

  void OnSnapshot(Snapshot snapshot) override;
  void OnChanges(Revision revision, std::span<const Change> changes,
                 const Store::Ticket& ticket) override;
  void OnWritable(const std::optional<Error>& failure) override;
  Snapshot Told() override;

 private:
  bool IsLost() const;
  void TellListeners(const Snapshot& snapshot);

  GroupMap& map_;
  Metrics& metrics_;
  std::vector<ChangeListener*> listeners_;
  std::atomic<Revision> revision_ = 0;
  std::atomic<bool> is_new_ = false;
  std::atomic<bool> is_loaded_ = false;

  // A listener hears of one thing at a time: held while they are told. Guards what follows.
  std::mutex telling_mutex_;
  bool is_started_ = false;
  std::optional<Snapshot> untold_;  // What Start is to tell, while it is all there is.

  mutable std::mutex failure_mutex_;  // Guards what follows.
  std::optional<Error> failure_;      // As the store has said.
  std::string logged_failure_;
};

}  // namespace target_eye
