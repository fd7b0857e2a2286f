#pragma once

#include <chrono>
#include <cstddef>

#include "http/net/transport.h"
#include "util/clock.h"

namespace target_eye {

// What is being sent while the transport takes no more: whether the client is waited for any
// longer. It has `timeout` to take something. While the server is short of memory for answers, it
// has kGrace, and must then have taken kLeastBytesASecond.
class BlockedWrite {
 public:
  static constexpr std::chrono::seconds kGrace{2};
  static constexpr std::size_t kLeastBytesASecond = 64 << 10;

  // Whether a client that took `bytes` in `time` is too slow while memory is short.
  static bool IsTooSlow(std::size_t bytes, SteadyTime::duration time) {
    const double seconds = std::chrono::duration<double>(time).count();
    return time > kGrace &&
           static_cast<double>(bytes) < seconds * static_cast<double>(kLeastBytesASecond);
  }

  explicit operator bool() const { return blocked_; }

  // The transport took `bytes` of what was to be sent, and takes no more.
  void Note(std::size_t bytes, Transport& transport, SteadyTime now, SteadyTime::duration timeout) {
    if (!blocked_) {
      *this = {};
      blocked_ = true;
      since_ = now;
      queued_at_first_ = transport.Queued();
    } else if (bytes == 0) {
      return;
    } else {
      written_ += bytes;
    }
    queued_ = transport.Queued();
    deadline_ = now + timeout;
  }
  // Everything is sent.
  void End() { blocked_ = false; }

  // Now and then, while it is blocked: whether to give up.
  bool IsOver(Transport& transport, SteadyTime now, SteadyTime::duration timeout, bool is_tight) {
    if (is_tight && IsTooSlow(queued_at_first_ + written_ - transport.Queued(), now - since_)) {
      return true;
    }
    if (now < deadline_) return false;
    const std::size_t queued = transport.Queued();
    if (queued >= queued_) return true;
    queued_ = queued;
    deadline_ = now + timeout;
    return false;
  }

 private:
  bool blocked_ = false;
  SteadyTime since_;
  SteadyTime deadline_;
  std::size_t written_ = 0;  // Since then.
  // Of what was written, what the client's machine has not taken: at first, and at the last
  // progress.
  std::size_t queued_at_first_ = 0;
  std::size_t queued_ = 0;
};

}  // namespace target_eye
