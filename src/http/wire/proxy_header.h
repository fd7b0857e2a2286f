#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "util/ip_address.h"

namespace target_eye {

// The header of the PROXY protocol, versions 1 and 2, which a proxy sends before anything else to
// tell whom a connection is from: https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt.
// Nothing of HTTP or TLS that is well-formed begins so.

// The longest that is taken, of either version.
inline constexpr std::size_t kMostProxyHeaderBytes = 4 << 10;

struct ProxyHeader {
  enum class State {
    kAbsent,     // What has arrived begins like something else.
    kPartial,    // It may become one.
    kWhole,      // The first `size` bytes are one.
    kMalformed,  // It begins like one; `problem` says what is wrong.
  } state = State::kAbsent;
  std::size_t size = 0;
  // The client. Nothing if the proxy speaks for itself, as for a health check, or does not know:
  // LOCAL, UNSPEC, UNKNOWN, and clients on a unix socket.
  std::optional<Endpoint> client = std::nullopt;
  std::string problem = {};
};

// `bytes`: what has arrived of a connection, from its beginning; more than kMostProxyHeaderBytes is
// not needed. What follows an address in version 2 (TLVs) is skipped.
ProxyHeader ReadProxyHeader(std::string_view bytes);

}  // namespace target_eye
