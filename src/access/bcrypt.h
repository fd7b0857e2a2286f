#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {

// What bcrypt looks at; it drops the rest, so that a longer password would be known by its
// beginning.
inline constexpr std::size_t kMaxPasswordBytes = 72;

// Each is twice the work of the one before; 10 takes some 50 ms, 16 some 4 s.
inline constexpr int kMinBcryptCost = 4;
inline constexpr int kMaxBcryptCost = 16;

// Whether `hash` is one that BcryptMatches understands: `$2a$`, `$2b$` or `$2y$`, a cost within the
// bounds above, `$`, 22 characters of salt and 31 of hash. kInvalid says what is wrong, and never
// holds the hash.
Expected<void> CheckBcrypt(std::string_view hash);

// Whether `hash`, which CheckBcrypt took, is that of `password`, of at most kMaxPasswordBytes and
// without NUL. Compares in constant time. Takes as long as the cost says, and no lock; blocks.
bool BcryptMatches(const std::string& hash, const std::string& password);

}  // namespace target_eye
