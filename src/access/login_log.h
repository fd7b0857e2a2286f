#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "util/clock.h"

namespace target_eye {

// A warning for each login that failed: kLinesAtOnce at first, then one in kSecondsALine. The next
// line says how many were left out. One thread at a time.
class LoginLog {
 public:
  static constexpr int kLinesAtOnce = 10;
  static constexpr std::chrono::seconds kSecondsALine{1};

  // `user` is what the client said, cut to 100 bytes in the log; empty if it said none.
  void Failed(std::string_view message, std::string_view peer, std::string_view user,
              SteadyTime now);

 private:
  SteadyTime paid_off_at_;
  std::size_t left_out_ = 0;
};

}  // namespace target_eye
