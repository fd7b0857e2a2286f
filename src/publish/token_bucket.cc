#include "publish/token_bucket.h"

#include <algorithm>

namespace target_eye {

bool TokenBucket::TryTake(SteadyTime now) {
  if (NextAt() > now) return false;
  Spend(interval_, now);
  return true;
}

void TokenBucket::Spend(Duration worth, SteadyTime now) {
  full_at_ = std::max(full_at_, now) + worth;
}

}  // namespace target_eye
