#pragma once

#include <optional>
#include <string_view>

namespace target_eye {

// A cipher suite as OpenSSL calls it.
struct CipherName {
  std::string_view name;
  bool is_tls13 = false;
};

// The suite that Go's crypto/tls, and so exporter-toolkit, calls `name`; nothing if Go does not
// call it secure.
std::optional<CipherName> CipherOfGo(std::string_view name);

// What OpenSSL calls CurveP256, CurveP384, CurveP521 or X25519; empty for another name.
std::string_view CurveOfGo(std::string_view name);

// 10 to 13 for TLS10 to TLS13; 0 for another name.
int VersionOfGo(std::string_view name);

}  // namespace target_eye
