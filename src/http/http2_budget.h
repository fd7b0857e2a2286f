#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "util/clock.h"

namespace target_eye {

// How much of what costs us and brings nothing an HTTP/2 client may send: a well-behaved one comes
// nowhere near. Each method gives false once it was too much; the connection is to be ended then.
class Http2Budget {
 public:
  explicit Http2Budget(SteadyTime now) : frames_(500, 100, now), resets_(200, 50, now) {}

  // A frame that carries neither a request nor much of a body: SETTINGS, PING, PRIORITY,
  // CONTINUATION, next to empty DATA, those of unknown types.
  bool TakeFrame(SteadyTime now) { return frames_.Take(now); }

  // WINDOW_UPDATE: one for each kBytesAWindowUpdate that we have sent is free.
  bool TakeWindowUpdate(SteadyTime now) {
    if (sent_bytes_ >= kBytesAWindowUpdate) {
      sent_bytes_ -= kBytesAWindowUpdate;
      return true;
    }
    return frames_.Take(now);
  }
  void CountSent(std::size_t bytes) { sent_bytes_ += bytes; }

  // A request that its client took back, or that broke the rules.
  bool TakeReset(SteadyTime now) { return resets_.Take(now); }

 private:
  static constexpr std::uint64_t kBytesAWindowUpdate = 1 << 10;

  class Bucket {
   public:
    Bucket(double burst, double per_second, SteadyTime now)
        : burst_(burst), per_second_(per_second), tokens_(burst), filled_at_(now) {}

    bool Take(SteadyTime now) {
      const std::chrono::duration<double> passed = std::max(now, filled_at_) - filled_at_;
      filled_at_ = std::max(now, filled_at_);
      tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
      if (tokens_ < 1) return false;
      tokens_ -= 1;
      return true;
    }

   private:
    double burst_;
    double per_second_;
    double tokens_;
    SteadyTime filled_at_;
  };

  Bucket frames_;
  Bucket resets_;
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace target_eye
