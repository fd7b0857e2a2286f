#pragma once

#include "store/change.h"

namespace target_eye {

// Takes groups apart into targets and labels, and keeps the last one: requests for one group often
// come one after the other. What it holds on to is that one group. One thread at a time.
class LastDecoded {
 public:
  // `group`, which is not null. Good until the next call.
  const TargetGroup& Of(const StoredGroupPtr& group) {
    if (group != group_) {
      decoded_ = group->text.Decode();
      group_ = group;
    }
    return decoded_;
  }

 private:
  StoredGroupPtr group_;
  TargetGroup decoded_;
};

}  // namespace target_eye
