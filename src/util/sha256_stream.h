#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "util/sha256.h"

namespace target_eye {

// Sha256 of a text that comes in pieces.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  void Add(std::string_view piece);
  // Once, at the end.
  Sha256Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The first `bytes` of `digest` as lower-case hex digits.
std::string Hex(const Sha256Digest& digest, std::size_t bytes);

}  // namespace target_eye
