#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "util/clock.h"
#include "util/token_bucket.h"

namespace target_eye {

// What an HTTP/2 client may send that costs us work and brings nothing. A well-behaved client comes
// nowhere near these limits. Each method returns false once it was too much: then the connection is
// to be ended.
class Http2Budget {
 public:
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
  bool TakeDropped(std::size_t bytes, SteadyTime now) { return dropped_.Take(now, bytes); }

  // Bytes that belong to no frame of a stream that is open, mostly of a body whose stream is over:
  // an honest client sends no more of them than what was under way when it ended.
  bool TakeStray(std::size_t bytes, SteadyTime now) { return stray_.Take(now, bytes); }

  // A request that its client took back, or that broke the rules. Not for one whose answer has gone
  // out whole: that client has only stopped sending what nobody wants.
  bool TakeReset(SteadyTime now) { return resets_.Take(now); }

 private:
  static constexpr std::uint64_t kBytesAWindowUpdate = 1 << 10;

  // A limit of so many a second, and of `burst` at once.
  class Bucket {
   public:
    Bucket(std::size_t burst, std::size_t per_second)
        : per_second_(per_second), bucket_(TokenBucket::OfDepth(WorthOf(burst), WorthOf(1))) {}

    bool Take(SteadyTime now, std::size_t amount = 1) {
      return bucket_.TryTake(WorthOf(amount), now);
    }

   private:
    TokenBucket::Duration WorthOf(std::size_t amount) const {
      return std::chrono::duration_cast<TokenBucket::Duration>(std::chrono::duration<double>(
          static_cast<double>(amount) / static_cast<double>(per_second_)));
    }

    std::size_t per_second_;
    TokenBucket bucket_;
  };

  Bucket frames_{500, 100};
  Bucket resets_{200, 50};
  Bucket dropped_{128 << 20, 16 << 20};
  Bucket stray_{4 << 20, 256 << 10};
  std::uint64_t sent_bytes_ = 0;
};

}  // namespace target_eye
