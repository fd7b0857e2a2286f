#include "access/keyed_hash.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <cstdint>
#include <stdexcept>

namespace target_eye {
namespace {

void Require(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL has no HMAC-SHA256 or no random bytes");
}

}  // namespace

KeyedHash::KeyedHash() {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  context_.reset(EVP_MAC_CTX_new(mac));
  EVP_MAC_free(mac);
  std::array<unsigned char, 32> key;
  Require(context_ && RAND_bytes(key.data(), key.size()) == 1);
  char digest[] = "SHA256";
  const std::array parameters = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
  Require(EVP_MAC_init(context_.get(), key.data(), key.size(), parameters.data()) == 1);
  OPENSSL_cleanse(key.data(), key.size());
}

Sha256Digest KeyedHash::operator()(std::initializer_list<std::string_view> parts) {
  EVP_MAC_CTX* const context = context_.get();
  // Without a key: the one it has.
  bool ok = EVP_MAC_init(context, nullptr, 0, nullptr) == 1;
  const auto add = [&](const void* data, std::size_t size) {
    ok = ok && EVP_MAC_update(context, static_cast<const unsigned char*>(data), size) == 1;
  };
  for (const std::string_view part : parts) {
    const std::uint64_t size = part.size();
    add(&size, sizeof size);
    add(part.data(), part.size());
  }
  Sha256Digest digest;
  std::size_t size = 0;
  ok = ok && EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1;
  Require(ok);
  return digest;
}

void KeyedHash::Free::operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }

}  // namespace target_eye
