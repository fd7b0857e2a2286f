#pragma once

#include <string>
#include <vector>

#include "model/error.h"

namespace target_eye {

// What keeps people out: the parts of TLS, web config and access file that a reload may change but
// not remove. A file that somebody emptied by mistake must not open anything.
struct Guards {
  std::string web_config;   // The file's name; empty if there is none.
  std::string access_file;  // The same.

  bool web_config_defines_something = false;
  bool has_tls = false;
  bool has_users = false;
  bool has_rules = false;
  bool demands_certificates = false;  // A client that shows none is refused.
  bool checks_certificates = false;   // One that is shown must chain to the authorities.
  bool limits_names = false;          // client_allowed_sans.

  std::vector<std::string> writable_by_all;  // Those of the files that everybody may change.
};

// Whether a reload may replace `before` by `now`. kInvalid names the file, what is gone, what that
// would open, and that a restart does open it. Pure.
Expected<void> CheckReload(const Guards& before, const Guards& now);

}  // namespace target_eye
