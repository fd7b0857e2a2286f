#include "access/login_limits.h"

#include <algorithm>
#include <string>

namespace target_eye {

std::chrono::seconds LoginLimits::Wait(std::string_view client, SteadyTime now) const {
  const auto it = buckets_.find(client);
  if (it == buckets_.end()) return {};
  return std::max(std::chrono::seconds(0),
                  std::chrono::ceil<std::chrono::seconds>(it->second.NextAt() - now));
}

void LoginLimits::Fail(std::string_view client, SteadyTime now) {
  auto it = buckets_.find(client);
  if (it == buckets_.end()) {
    if (buckets_.size() >= kMostClients) {
      std::erase_if(buckets_, [&](const auto& entry) { return entry.second.IsFull(now); });
      if (buckets_.size() >= kMostClients) buckets_.clear();
    }
    it =
        buckets_.emplace(std::string(client), TokenBucket(kFailuresAtOnce, kSecondsAFailure)).first;
  }
  // No deeper than empty: whoever goes on failing has to wait no longer for that.
  it->second.TakeWhatThereIs(now);
}

}  // namespace target_eye
