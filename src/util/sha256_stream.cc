#include "util/sha256_stream.h"

#include <openssl/evp.h>

#include <new>
#include <span>

namespace target_eye {

struct Sha256Stream::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> md{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) {
  if (!context_->md || EVP_DigestInit_ex(context_->md.get(), EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();
  }
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::Add(std::string_view piece) {
  if (EVP_DigestUpdate(context_->md.get(), piece.data(), piece.size()) != 1) throw std::bad_alloc();
}

Sha256Digest Sha256Stream::Finish() {
  Sha256Digest digest;
  if (EVP_DigestFinal_ex(context_->md.get(), digest.data(), nullptr) != 1) throw std::bad_alloc();
  return digest;
}

std::string Hex(const Sha256Digest& digest, std::size_t bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const unsigned byte : std::span(digest).first(bytes)) {
    hex += {kDigits[byte >> 4U], kDigits[byte & 0xFU]};
  }
  return hex;
}

}  // namespace target_eye
