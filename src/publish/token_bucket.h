#pragma once

#include "util/clock.h"

namespace target_eye {

// A rate limit that allows short bursts: it holds at most `capacity` tokens, full at first, and
// gains one each `interval`. Pure: the time is an argument and must not go back. Not safe for
// concurrent calls.
class TokenBucket {
 public:
  using Duration = SteadyTime::duration;

  TokenBucket(int capacity, Duration interval) : interval_(interval), depth_(interval * capacity) {}

  // Takes a token if there is one.
  bool TryTake(SteadyTime now);

  // Takes what is gained in `worth`, even if there is less: a debt has to be waited off before the
  // next token. A negative `worth` returns tokens.
  void Spend(Duration worth, SteadyTime now);

  // When TryTake succeeds next, if nothing is taken before; in the past if it would succeed now.
  SteadyTime NextAt() const { return full_at_ - depth_ + interval_; }

 private:
  Duration interval_;
  Duration depth_;
  // When it will be full again. This is all of its state: how many tokens there are follows from
  // it.
  SteadyTime full_at_ = SteadyTime::min() + std::chrono::hours(24);
};

}  // namespace target_eye
