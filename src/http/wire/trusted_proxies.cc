#include "http/wire/trusted_proxies.h"

#include <fmt/format.h>

#include <algorithm>

namespace target_eye {

Expected<TrustedProxies> TrustedProxies::Parse(const std::vector<std::string>& list) {
  TrustedProxies proxies;
  for (const std::string& one : list) {
    if (one == "unix") {
      proxies.unix_ = true;
      continue;
    }
    const auto network = IpNetwork::Parse(one);
    if (!network) {
      return Invalid(fmt::format("{}: expected an address, a network or unix", Quote(one)));
    }
    proxies.networks_.push_back(*network);
  }
  return proxies;
}

bool TrustedProxies::Contains(const IpAddress& address) const {
  return std::ranges::any_of(networks_,
                             [&](const IpNetwork& network) { return network.Contains(address); });
}

bool TrustedProxies::ContainsPeer(std::string_view peer) const {
  if (empty()) return false;
  const auto endpoint = ParseEndpoint(peer);
  return endpoint ? Contains(endpoint->address) : unix_ && peer == "unix";
}

}  // namespace target_eye
