#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include "util/sha256.h"

typedef struct evp_mac_ctx_st EVP_MAC_CTX;

namespace target_eye {

// HMAC-SHA256 under a random key that nobody else has, and that ends with this object: what is kept
// of a secret so tells nothing without this process's memory. One thread at a time.
class KeyedHash {
 public:
  KeyedHash();

  // Of the parts in their order; where one ends and the next begins counts, too.
  Sha256Digest operator()(std::initializer_list<std::string_view> parts);

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const;
  };
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

}  // namespace target_eye
