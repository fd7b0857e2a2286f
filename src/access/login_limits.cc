#include "access/login_limits.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

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

std::string LoginClient(std::string_view peer) {
  if (!peer.starts_with('[')) return std::string(peer.substr(0, peer.rfind(':')));
  std::string address(peer.substr(1, peer.find_first_of("%]") - 1));
  in6_addr bytes{};
  if (::inet_pton(AF_INET6, address.c_str(), &bytes) != 1) return address;
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) return address.substr(address.rfind(':') + 1);
  std::fill(bytes.s6_addr + 8, bytes.s6_addr + 16, 0);
  char text[INET6_ADDRSTRLEN];
  return ::inet_ntop(AF_INET6, &bytes, text, sizeof text);
}

}  // namespace target_eye
