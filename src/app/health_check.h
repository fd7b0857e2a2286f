#pragma once

#include <chrono>
#include <string>

#include "config/config.h"
#include "model/error.h"

namespace target_eye {

// Asks the instance that `config` describes whether it is alive, by `/-/healthy`, on the first
// address of BIND; if that is HTTPS (`tls`), on the first of INSECURE_BIND if there is one. The
// certificate is not verified: this machine asks itself, and a certificate seldom names the
// loopback address. A server that ends the handshake because it wants a client certificate has
// shown that it is alive.
//
// Each step (connect, send, receive) takes at most `timeout`. Errors name the address and what was
// wrong. Returns the address that answered.
Expected<std::string> CheckHealth(const Config& config, bool tls,
                                  std::chrono::seconds timeout = std::chrono::seconds(5));

}  // namespace target_eye
