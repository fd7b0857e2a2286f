#pragma once

#include <chrono>

namespace target_eye {

using SteadyTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// The time; an interface, so that a test can set it. Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // For durations and deadlines: never goes back.
  virtual SteadyTime Now() const = 0;
  // For what people read: may jump.
  virtual WallTime WallNow() const = 0;
};

// The machine's clock; lives for ever.
const Clock& SystemClock();

}  // namespace target_eye
