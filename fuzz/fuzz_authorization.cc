#include <openssl/evp.h>

#include <string>

#include "access/credentials.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

std::string Base64(std::string_view text) {
  std::string encoded(4 * (text.size() + 2) / 3 + 1, '\0');  // And a NUL.
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(size));
  return encoded;
}

void RequireRoundTrip(const Credentials& credentials) {
  using Kind = Credentials::Kind;
  if (credentials.kind != Kind::kPassword && credentials.kind != Kind::kToken) return;
  const Credentials again =
      ParseAuthorization(credentials.kind == Kind::kToken
                             ? "Bearer " + credentials.secret
                             : "Basic " + Base64(credentials.user + ":" + credentials.secret));
  Require(again.kind == credentials.kind && again.user == credentials.user &&
              again.secret == credentials.secret,
          "credentials written anew are the same");
}

void Run(std::string_view header) {
  const Credentials credentials = ParseAuthorization(header);
  Require(credentials.user.size() + credentials.secret.size() <= header.size(),
          "credentials are no longer than their header");
  Require(credentials.kind == Credentials::Kind::kPassword || credentials.user.empty(),
          "only a password has a user");
  Require(credentials.user.find(':') == std::string::npos, "a user has no colon");
  RequireRoundTrip(credentials);
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
