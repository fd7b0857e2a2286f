#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "util/ip_address.h"

namespace target_eye {

// The peers that are believed when they say whom a connection or a request is from. Constant once
// it is made, and safe to use from any thread.
class TrustedProxies {
 public:
  // Nobody.
  TrustedProxies() = default;

  // Each of `list` is an address, a network as IpNetwork::Parse takes it, or `unix`, which is
  // whoever connects to a unix socket. kInvalid names the one that is none of these.
  static Expected<TrustedProxies> Parse(const std::vector<std::string>& list);

  bool empty() const { return !unix_ && networks_.empty(); }
  bool Contains(const IpAddress& address) const;
  // `peer`: as FormatPeer writes it.
  bool ContainsPeer(std::string_view peer) const;

 private:
  std::vector<IpNetwork> networks_;
  bool unix_ = false;
};

}  // namespace target_eye
