#include "access/credentials.h"

#include <algorithm>
#include <cstdint>

#include "util/ascii.h"

namespace target_eye {
namespace {

int Base64Value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  std::string bytes;
  bytes.reserve(digits * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, digits)) {
    const int value = Base64Value(c);
    if (value < 0) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU);
    }
  }
  return bytes;
}

Credentials ParseAuthorization(std::string_view header) {
  const std::string_view scheme = header.substr(0, header.find(' '));
  const bool is_basic = EqualsIgnoringCase(scheme, "basic");
  if (!is_basic && !EqualsIgnoringCase(scheme, "bearer")) return {};
  std::string_view rest = header.substr(scheme.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  Credentials credentials{.kind = Credentials::Kind::kBroken, .user = {}, .secret = {}};
  if (!is_basic) {
    if (rest.empty()) return credentials;
    credentials.kind = Credentials::Kind::kToken;
    credentials.secret = rest;
    return credentials;
  }
  const auto decoded = DecodeBase64(rest);
  const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
  if (colon == std::string::npos) return credentials;
  credentials.kind = Credentials::Kind::kPassword;
  credentials.user = decoded->substr(0, colon);
  credentials.secret = decoded->substr(colon + 1);
  return credentials;
}

bool LacksScheme(std::string_view header) {
  return !header.empty() && !header.contains(' ') && !EqualsIgnoringCase(header, "basic") &&
         !EqualsIgnoringCase(header, "bearer");
}

}  // namespace target_eye
