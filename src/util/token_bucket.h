#pragma once

#include <algorithm>
#include <chrono>

#include "util/clock.h"

namespace target_eye {

// A rate limit that allows bursts: it holds at most `capacity` tokens, full at first, and gains one
// each `interval`. What is taken may be of any size; it is measured by the time in which it is
// gained. Pure: the time is an argument and must not go back. Not safe for concurrent calls.
class TokenBucket {
 public:
  using Duration = SteadyTime::duration;

  TokenBucket(int capacity, Duration interval) : interval_(interval), depth_(interval * capacity) {}

  // Holds what is gained in `depth`; a token is what is gained in `interval`.
  static TokenBucket OfDepth(Duration depth, Duration interval) {
    TokenBucket bucket(0, interval);
    bucket.depth_ = depth;
    return bucket;
  }

  // Takes a token if there is one.
  bool TryTake(SteadyTime now) { return TryTake(interval_, now); }

  // Takes what is gained in `worth`, if there is that much.
  bool TryTake(Duration worth, SteadyTime now) {
    if (std::max(full_at_, now) - now + worth > depth_) return false;
    Spend(worth, now);
    return true;
  }

  // Takes a token, or what there is of one.
  void TakeWhatThereIs(SteadyTime now) {
    full_at_ = std::min(std::max(full_at_, now) + interval_, now + depth_);
  }

  // Takes what is gained in `worth`, even if there is less: a debt has to be waited off before the
  // next token. A negative `worth` returns tokens.
  void Spend(Duration worth, SteadyTime now) { full_at_ = std::max(full_at_, now) + worth; }

  // When TryTake succeeds next, if nothing is taken before; in the past if it would succeed now.
  SteadyTime NextAt() const { return full_at_ - depth_ + interval_; }

  bool IsFull(SteadyTime now) const { return full_at_ <= now; }

 private:
  Duration interval_;
  Duration depth_;
  // When it will be full again. This is all of its state: how many tokens there are follows from
  // it.
  SteadyTime full_at_ = SteadyTime::min() + std::chrono::hours(24);
};

}  // namespace target_eye
