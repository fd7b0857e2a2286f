#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/store.h"

namespace target_eye {

// What a MemoryStore has to tell its sink, in order. Whoever adds to it delivers, on the own
// thread, unless somebody delivers already, who then goes on with what was added. Safe to use from
// any thread.
class MemoryFeed {
 public:
  struct Item {
    std::optional<Snapshot> snapshot = {};  // Absent: `changes`.
    Revision revision = 0;
    std::shared_ptr<const std::vector<Change>> changes = {};
    Store::Ticket ticket = {};
    // After the sink was told; or it was not, and never will be.
    std::vector<std::move_only_function<void(bool is_told)>> then = {};
  };

  explicit MemoryFeed(Store::Sink& sink, bool is_held) : sink_(sink), is_held_(is_held) {}

  void Push(Item item) {
    const std::scoped_lock lock(mutex_);
    items_.push_back(std::move(item));
  }

  // Takes the place of all that was not delivered yet.
  void PushInstead(Item snapshot) {
    const std::scoped_lock lock(mutex_);
    for (Item& item : items_) {
      for (auto& then : item.then) snapshot.then.push_back(std::move(then));
    }
    items_.clear();
    items_.push_back(std::move(snapshot));
  }

  void Deliver() {
    std::unique_lock lock(mutex_);
    if (is_delivering_) return;
    is_delivering_ = true;
    while (!is_held_ && !items_.empty()) {
      Item item = std::move(items_.front());
      items_.pop_front();
      lock.unlock();
      if (item.snapshot) {
        sink_.OnSnapshot(*std::move(item.snapshot));
      } else {
        sink_.OnChanges(item.revision, *item.changes, item.ticket);
      }
      item.ticket.reset();
      for (auto& then : item.then) then(true);
      lock.lock();
    }
    is_delivering_ = false;
    delivered_.notify_all();
  }

  void Hold(bool is_held) {
    const std::scoped_lock lock(mutex_);
    is_held_ = is_held;
  }

  // The sink is not called any more.
  void Close() {
    std::deque<Item> dropped;
    {
      std::unique_lock lock(mutex_);
      is_held_ = true;
      delivered_.wait(lock, [this] { return !is_delivering_; });
      dropped.swap(items_);
    }
    for (Item& item : dropped) {
      for (auto& then : item.then) then(false);
    }
  }

 private:
  Store::Sink& sink_;
  std::mutex mutex_;
  std::condition_variable delivered_;
  std::deque<Item> items_;
  bool is_held_ = false;
  bool is_delivering_ = false;
};

}  // namespace target_eye
