#include "registry/store_feed.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "telemetry/log.h"

namespace target_eye {

void StoreFeed::Start() {
  const std::scoped_lock lock(telling_mutex_);
  is_started_ = true;
  if (!is_loaded_) return;
  if (!untold_) untold_ = Told();
  TellListeners(*untold_);
  untold_.reset();
}

bool StoreFeed::writable() const {
  const std::scoped_lock lock(failure_mutex_);
  return is_loaded_ && !IsLost();
}

std::string StoreFeed::failure() const {
  const std::scoped_lock lock(failure_mutex_);
  if (failure_) return failure_->message;
  return is_loaded_ ? "" : "the store is not loaded yet";
}

void StoreFeed::OnSnapshot(Snapshot snapshot) {
  const std::scoped_lock lock(telling_mutex_);
  map_.Reset(snapshot.groups);
  revision_ = snapshot.revision;
  is_new_ = snapshot.is_new;
  metrics_.SetState(map_.groups(), map_.targets(), revision_);
  if (is_started_) {
    TellListeners(snapshot);
  } else {
    untold_ = std::move(snapshot);
  }
  is_loaded_ = true;
}

void StoreFeed::OnChanges(Revision revision, std::span<const Change> changes,
                          const Store::Ticket& ticket) {
  const std::scoped_lock lock(telling_mutex_);
  for (const Change& change : changes) {
    if (change.after) {
      map_.Put(change.after);
    } else {
      map_.Remove(change.key);
    }
  }
  revision_ = revision;
  is_new_ = false;
  metrics_.SetState(map_.groups(), map_.targets(), revision);
  if (!is_started_) {
    untold_.reset();
    return;
  }
  for (ChangeListener* listener : listeners_) {
    listener->OnChanges(revision, changes, ticket);
  }
}

void StoreFeed::OnWritable(const std::optional<Error>& failure) {
  std::string_view message;
  {
    const std::scoped_lock lock(failure_mutex_);
    const bool was_lost = IsLost();
    failure_ = failure;
    if (!failure) {
      if (std::exchange(logged_failure_, {}).empty()) return;
      message = was_lost ? "the store is open again" : "commits work again";
    } else {
      message = was_lost && IsLost()
                    ? "the store cannot be opened again; writes are refused until it can"
                    : "the store cannot be written; changes are answered 503";
      // Once, not for each attempt.
      std::string now = fmt::format("{}: {}", message, failure->message);
      if (std::exchange(logged_failure_, now) == now) return;
    }
  }
  if (failure) {
    Log(LogLevel::kError, message, {{"error", failure->message}});
  } else {
    Log(LogLevel::kInfo, message, {{"revision", revision_.load()}});
  }
}

Snapshot StoreFeed::Told() { return {.revision = revision_, .groups = map_.Sorted()}; }

// Under its lock.
bool StoreFeed::IsLost() const { return failure_ && failure_->code != ErrorCode::kUnavailable; }

// Under the lock of telling.
void StoreFeed::TellListeners(const Snapshot& snapshot) {
  for (ChangeListener* listener : listeners_) {
    listener->OnSnapshot(snapshot);
  }
}

}  // namespace target_eye
