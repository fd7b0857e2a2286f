#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include "util/clock.h"

namespace target_eye {

// Lets at most one through in each interval: for log lines that clients can cause. From any thread.
class Seldom {
 public:
  explicit Seldom(std::chrono::seconds interval) : interval_(interval) {}

  // If this one is let through, how many were held back since the last; nothing if it is held back.
  std::optional<std::uint64_t> Take(SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (next_ && now < *next_) {
      ++held_back_;
      return std::nullopt;
    }
    next_ = now + interval_;
    return std::exchange(held_back_, 0);
  }

 private:
  const std::chrono::seconds interval_;
  std::mutex mutex_;
  std::optional<SteadyTime> next_;
  std::uint64_t held_back_ = 0;
};

}  // namespace target_eye
