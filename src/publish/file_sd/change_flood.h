#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "util/clock.h"

namespace target_eye {

// Whether changes come one after the other, as when thousands of services register themselves.
// They are published together then: Prometheus reads everything at each publication, and hands what
// it has read on to its scrapes every 5 s at most. Not safe for concurrent calls.
class ChangeFlood {
 public:
  // Changes in a row, with less than kQuiet between them, are a flood from kLeastChanges on, if
  // they are kLeastASecond or more.
  static constexpr std::chrono::milliseconds kQuiet{200};
  static constexpr std::size_t kLeastChanges = 50;
  static constexpr double kLeastASecond = 100;
  // How long a change may wait for the end of a flood: for ten thousand that come one after the
  // other.
  static constexpr std::chrono::seconds kMostWait{10};

  void Note(std::size_t changes, SteadyTime now) {
    if (now - last_ > kQuiet) {
      begin_ = now;
      count_ = 0;
    }
    count_ += changes;
    last_ = now;
  }

  // When what changed first at `first` is to be published; `now` if there is no flood.
  SteadyTime Due(SteadyTime first, SteadyTime now) const {
    const double seconds = std::chrono::duration<double>(last_ - begin_).count();
    const bool floods =
        count_ >= kLeastChanges && static_cast<double>(count_) >= kLeastASecond * seconds;
    if (!floods) return now;
    return std::max(now, std::min<SteadyTime>(last_ + kQuiet, first + kMostWait));
  }

 private:
  SteadyTime begin_;
  SteadyTime last_;
  std::size_t count_ = 0;
};

}  // namespace target_eye
