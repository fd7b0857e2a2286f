#pragma once

#include <memory>
#include <string>
#include <vector>

#include "access/access_policy.h"
#include "app/guards.h"
#include "config/config.h"
#include "http/http_server.h"
#include "model/error.h"
#include "tls/tls_context.h"

namespace target_eye {

// TLS, users and access rules together: from the settings, and from the files that they name.
struct WebSecurity {
  std::shared_ptr<const TlsContext> tls;       // Null: plain HTTP.
  std::shared_ptr<const AccessPolicy> access;  // Null: everything is open to everybody.
  std::vector<ResponseField> response_headers;
  Guards guards;                      // What a reload must not take away.
  std::vector<std::string> files;     // All that was read.
  std::vector<std::string> warnings;  // What works, and somebody should look at.
};

// Whether the addresses of BIND are HTTPS, by the settings and the web config.
Expected<bool> UsesTls(const Config& config);

// Reads and checks all of it. Errors are `FILE:LINE: what, what is expected`. From any thread.
Expected<WebSecurity> LoadWebSecurity(const Config& config);

}  // namespace target_eye
