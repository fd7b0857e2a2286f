#pragma once

#include <cstddef>
#include <string_view>

#include "model/error.h"
#include "model/target_group.h"

namespace target_eye {

// How large one group may become.
struct GroupLimits {
  std::size_t targets = 50'000;
  std::size_t labels = 256;            // `job` and `env` counted.
  std::size_t label_bytes = 16 << 10;  // Of a name, and of a value.
};

// For whoever reads a request: a group must not have as many `what` (`targets`, `labels`) as there
// are, since `limit` is less. So the reading can end where that is known.
std::unexpected<Error> TooMany(std::string_view what, std::size_t limit);

// Whether a change from `before` (null if there was no group) to `after` stays within `limits`;
// kInvalid names what is too much, and how much is allowed. Only what a change adds is judged: a
// group that was there before the limits and is larger can still be made smaller, or changed
// elsewhere. Pure.
Expected<void> CheckLimits(const TargetGroup* before, const TargetGroup& after,
                           const GroupLimits& limits);

}  // namespace target_eye
