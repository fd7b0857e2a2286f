#pragma once

#include <algorithm>
#include <chrono>

namespace target_eye {

// The longest wait between two tries at a disk, so that within a second of its return everything
// works again.
inline constexpr std::chrono::milliseconds kMaxDiskRetry{500};

// Waiting times that double from `first` up to `most`, until Reset.
class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  Backoff(Duration first, Duration most) : first_(first), most_(most), next_(first) {}

  Duration Next() {
    const Duration now = next_;
    next_ = std::min(next_ * 2, most_);
    return now;
  }
  void Reset() { next_ = first_; }

 private:
  Duration first_;
  Duration most_;
  Duration next_;
};

}  // namespace target_eye
