#pragma once

#include <vector>

#include "model/labels.h"
#include "model/target.h"

namespace target_eye {

// The targets and labels of one group. A registered group has no target twice, keeps them in the
// order in which they came, and has the labels `job` and `env`.
struct TargetGroup {
  std::vector<Target> targets;
  Labels labels;

  friend bool operator==(const TargetGroup&, const TargetGroup&) = default;
};

}  // namespace target_eye
