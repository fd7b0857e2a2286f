#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"
#include "tls/tls_options.h"

namespace target_eye {

inline constexpr std::size_t kMaxUsers = 10'000;
inline constexpr std::size_t kMaxUserNameBytes = 256;

// Whether HTTP's Basic can carry `name`: it has no colon and no control character, and is not too
// long.
bool IsUserName(std::string_view name);

// What the file of --web.config.file says, in the format of Prometheus's exporter-toolkit
// (https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md). Not
// taken: `cert`, `key` and `client_ca` (secrets belong in files of their own), `rate_limit` (the
// setting CLIENT_RATE_LIMIT limits each client), TLS before 1.2. `prefer_server_cipher_suites` is
// checked and, as in Go since 1.17, without effect.
struct WebConfig {
  struct User {
    std::string name;
    std::string hash;  // bcrypt's.
    int line = 1;

    bool operator==(const User&) const = default;
  };

  std::string name;  // Of the file.
  std::optional<TlsOptions> tls;
  bool http2 = true;  // `tls` has ALPN protocols that say the same.
  // Sent with every response. The names are among those that exporter-toolkit allows, and the
  // values are valid in a header.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<User> users;         // Sorted by name; at most kMaxUsers.
  bool names_users = false;        // Whether basic_auth_users is there, were it with nobody in it.
  bool defines_something = false;  // Neither empty, nor comments and empty sections only.
};

// Reads `text`, the file `name`. Paths in it are relative to the directory of `name`; whether the
// files exist is not checked. kInvalid is `NAME:LINE: what is wrong, what is expected`, and
// contains no hash. Pure; may be called from any thread.
Expected<WebConfig> ParseWebConfig(std::string_view text, const std::string& name);

// The same of a file.
Expected<WebConfig> LoadWebConfig(const std::string& path);

}  // namespace target_eye
