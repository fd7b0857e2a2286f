#include "util/sha256.h"

#include <openssl/evp.h>

#include <new>

namespace target_eye {

Sha256Digest Sha256(std::string_view text) {
  Sha256Digest digest;
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();
  }
  return digest;
}

}  // namespace target_eye
