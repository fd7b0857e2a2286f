#include "access/go_tls_names.h"

#include <algorithm>
#include <array>

namespace target_eye {
namespace {

struct CipherRow {
  std::string_view go;
  CipherName openssl;
};
constexpr std::array kCiphers = {
    CipherRow{"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", {"ECDHE-ECDSA-AES128-GCM-SHA256"}},
    CipherRow{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", {"ECDHE-ECDSA-AES256-GCM-SHA384"}},
    CipherRow{"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", {"ECDHE-ECDSA-CHACHA20-POLY1305"}},
    CipherRow{"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", {"ECDHE-ECDSA-AES128-SHA"}},
    CipherRow{"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", {"ECDHE-ECDSA-AES256-SHA"}},
    CipherRow{"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", {"ECDHE-RSA-AES128-GCM-SHA256"}},
    CipherRow{"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", {"ECDHE-RSA-AES256-GCM-SHA384"}},
    CipherRow{"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", {"ECDHE-RSA-CHACHA20-POLY1305"}},
    CipherRow{"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", {"ECDHE-RSA-AES128-SHA"}},
    CipherRow{"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", {"ECDHE-RSA-AES256-SHA"}},
    CipherRow{"TLS_AES_128_GCM_SHA256", {"TLS_AES_128_GCM_SHA256", true}},
    CipherRow{"TLS_AES_256_GCM_SHA384", {"TLS_AES_256_GCM_SHA384", true}},
    CipherRow{"TLS_CHACHA20_POLY1305_SHA256", {"TLS_CHACHA20_POLY1305_SHA256", true}},
};

struct CurveRow {
  std::string_view go;
  std::string_view openssl;
};
constexpr std::array kCurves = {
    CurveRow{"CurveP256", "P-256"},
    CurveRow{"CurveP384", "P-384"},
    CurveRow{"CurveP521", "P-521"},
    CurveRow{"X25519", "X25519"},
};

}  // namespace

std::optional<CipherName> CipherOfGo(std::string_view name) {
  const auto row = std::ranges::find(kCiphers, name, &CipherRow::go);
  if (row == kCiphers.end()) return std::nullopt;
  return row->openssl;
}

std::string_view CurveOfGo(std::string_view name) {
  const auto row = std::ranges::find(kCurves, name, &CurveRow::go);
  return row == kCurves.end() ? std::string_view() : row->openssl;
}

int VersionOfGo(std::string_view name) {
  if (name.size() != 5 || !name.starts_with("TLS1") || name[4] < '0' || name[4] > '3') return 0;
  return 10 + (name[4] - '0');
}

}  // namespace target_eye
