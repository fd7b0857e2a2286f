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
  explicit Http2Budget(SteadyTime now)
      : frames_(500, 100, now),
        resets_(200, 50, now),
        dropped_(128 << 20, 16 << 20, now),
        stray_(4 << 20, 256 << 10, now) {}

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

  // Bytes of a body that nobody wants, since its request is answered. Honest clients send them
  // until they have heard the answer, and some to the end; so too much of it is the end of the
  // stream, not of the connection.
  bool TakeDropped(std::size_t bytes, SteadyTime now) {
    return dropped_.Take(now, static_cast<double>(bytes));
  }

  // Bytes that belong to no frame of a stream that is open, mostly of a body whose stream is over:
  // an honest client sends no more of them than what was under way when it ended.
  bool TakeStray(std::size_t bytes, SteadyTime now) {
    return stray_.Take(now, static_cast<double>(bytes));
  }

  // A request that its client took back, or that broke the rules. Not for one whose answer has gone
  // out whole: that client has only stopped sending what nobody wants.
  bool TakeReset(SteadyTime now) { return resets_.Take(now); }

 private:
  static constexpr std::uint64_t kBytesAWindowUpdate = 1 << 10;

  class Bucket {
   public:
    Bucket(double burst, double per_second, SteadyTime now)
        : burst_(burst), per_second_(per_second), tokens_(burst), filled_at_(now) {}

    bool Take(SteadyTime now, double amount = 1) {
      const std::chrono::duration<double> passed = std::max(now, filled_at_) - filled_at_;
      filled_at_ = std::max(now, filled_at_);
      tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
      if (tokens_ < amount) return false;
      tokens_ -= amount;
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
  Bucket dropped_;
  Bucket stray_;
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace target_eye
