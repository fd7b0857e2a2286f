#pragma once

#include <optional>
#include <string>

#include "util/clock.h"

namespace target_eye {

// What is reported of files that somebody else changed after they were published. Each time is
// logged once. Files that have to be put back three times, each time within five seconds of the one
// before, are contested; that is reported until they have been found untouched for two seconds. Not
// safe for concurrent calls.
class DamageReport {
 public:
  // Something is wrong, and not put back yet. What is not `certain` may turn out to be no damage,
  // and is logged only once it was put back.
  void Found(const std::string& what, bool certain);

  // Nothing is wrong any more. `what` had to be put back for that; if it is empty, nothing had.
  void Mended(const std::string& what, SteadyTime now);

  // A look has found everything as it was published.
  void Well(SteadyTime now);

  bool is_contested() const { return !contest_.empty(); }

  // For a person; empty if all is well.
  const std::string& text() const { return contest_.empty() ? damage_ : contest_; }

 private:
  void LogOnce(const std::string& what);

  std::string damage_;
  std::string contest_;
  std::optional<SteadyTime> mended_at_;
  int mended_in_a_row_ = 0;
  bool has_logged_ = false;
};

}  // namespace target_eye
