#pragma once

#include <optional>
#include <string_view>

namespace target_eye {

// A cipher suite as OpenSSL calls it.
struct CipherName {
  std::string_view name;
  bool is_tls13 = false;
};

// By the names of Go's crypto/tls, which exporter-toolkit uses: those that Go calls secure.
std::optional<CipherName> CipherOfGo(std::string_view name);

// CurveP256, CurveP384, CurveP521, X25519, as OpenSSL calls them; empty for another.
std::string_view CurveOfGo(std::string_view name);

// TLS10 to TLS13 as 10 to 13; 0 for another.
int VersionOfGo(std::string_view name);

}  // namespace target_eye
