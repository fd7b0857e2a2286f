#pragma once

#include <initializer_list>
#include <memory>
#include <string_view>

#include "util/sha256.h"

typedef struct evp_mac_ctx_st EVP_MAC_CTX;

namespace target_eye {

// HMAC-SHA256 with a random key that only this object has: without this process's memory, such a
// hash of a secret tells nothing. One thread at a time.
class KeyedHash {
 public:
  KeyedHash();

  // The hash of the parts in their order; it also depends on where one ends and the next begins.
  Sha256Digest operator()(std::initializer_list<std::string_view> parts);

 private:
  struct Free {
    void operator()(EVP_MAC_CTX* context) const;
  };
  std::unique_ptr<EVP_MAC_CTX, Free> context_;
};

}  // namespace target_eye
