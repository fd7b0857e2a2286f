#include "access/login_limits.h"

#include <algorithm>
#include <string>

namespace target_eye {

std::chrono::seconds LoginLimits::Wait(std::string_view client, SteadyTime now) const {
  const auto it = paid_off_at_.find(client);
  if (it == paid_off_at_.end()) return {};
  const auto free_at = it->second - (kFailuresAtOnce - 1) * kSecondsAFailure;
  return std::max(std::chrono::seconds(0), std::chrono::ceil<std::chrono::seconds>(free_at - now));
}

void LoginLimits::Fail(std::string_view client, SteadyTime now) {
  auto it = paid_off_at_.find(client);
  if (it == paid_off_at_.end()) {
    if (paid_off_at_.size() >= kMostClients) {
      std::erase_if(paid_off_at_, [&](const auto& entry) { return entry.second <= now; });
      if (paid_off_at_.size() >= kMostClients) paid_off_at_.clear();
    }
    it = paid_off_at_.emplace(std::string(client), now).first;
  }
  // No deeper than empty: whoever goes on failing has to wait no longer for that.
  it->second = std::min(std::max(it->second, now) + kSecondsAFailure,
                        now + kFailuresAtOnce * kSecondsAFailure);
}

}  // namespace target_eye
