#include "access/bcrypt.h"

#include <crypt.h>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::size_t kPrefixBytes = 7;  // `$2y$10$`
constexpr std::size_t kSaltBytes = 22;
constexpr std::size_t kHashBytes = 31;
constexpr std::size_t kBytes = kPrefixBytes + kSaltBytes + kHashBytes;

bool IsBase64(char c) { return IsDigit(c) || IsAlpha(c) || c == '.' || c == '/'; }

}  // namespace

Expected<void> CheckBcrypt(std::string_view hash) {
  const bool is_bcrypt =
      hash.size() == kBytes &&
      (hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$")) &&
      IsDigit(hash[4]) && IsDigit(hash[5]) && hash[6] == '$' &&
      std::ranges::all_of(hash.substr(kPrefixBytes), IsBase64);
  if (!is_bcrypt) {
    return Invalid(
        "is no bcrypt hash; expected 60 characters such as $2y$10$..., as htpasswd -nBC 10 makes "
        "them");
  }
  const int cost = (hash[4] - '0') * 10 + (hash[5] - '0');
  if (cost < kMinBcryptCost || cost > kMaxBcryptCost) {
    return Invalid(fmt::format("has the bcrypt cost {}; expected {} to {}", cost, kMinBcryptCost,
                               kMaxBcryptCost));
  }
  return {};
}

bool BcryptMatches(const std::string& hash, const std::string& password) {
  const auto data = std::make_unique<crypt_data>();
  const char* const made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  // Not the salt: its last character has bits that do not count, and comes back without them.
  constexpr std::size_t kBegin = kPrefixBytes + kSaltBytes;
  const bool matches = made != nullptr && std::strlen(made) == kBytes &&
                       CRYPTO_memcmp(made + kBegin, hash.data() + kBegin, kHashBytes) == 0;
  OPENSSL_cleanse(data.get(), sizeof(crypt_data));
  return matches;
}

}  // namespace target_eye
