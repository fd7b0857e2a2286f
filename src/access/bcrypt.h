#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {

// What bcrypt looks at. It ignores the rest, so that the beginning of a longer password would be
// enough.
inline constexpr std::size_t kMaxPasswordBytes = 72;

// One more is twice the work; 10 takes some 50 ms, 16 some 4 s.
inline constexpr int kMinBcryptCost = 4;
inline constexpr int kMaxBcryptCost = 16;

// Whether BcryptMatches understands `hash`: `$2a$`, `$2b$` or `$2y$`, a cost within the bounds
// above, `$`, 22 characters of salt and 31 of hash. kInvalid says what is wrong, and never contains
// the hash.
Expected<void> CheckBcrypt(std::string_view hash);

// Whether `hash`, which CheckBcrypt accepted, is that of `password`, of at most kMaxPasswordBytes
// and without NUL. Compares in constant time. Blocks for as long as the cost says; takes no lock.
bool BcryptMatches(const std::string& hash, const std::string& password);

}  // namespace target_eye
