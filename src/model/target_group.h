#pragma once

#include <vector>

#include "model/labels.h"
#include "model/target.h"

namespace target_eye {

// The targets and labels of one group. In a registered group no target is there twice, their order
// is the order in which they were given, and `job` and `env` are among the labels.
struct TargetGroup {
  std::vector<Target> targets;
  Labels labels;

  friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

}  // namespace target_eye
