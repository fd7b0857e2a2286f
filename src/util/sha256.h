#pragma once

#include <array>
#include <string_view>

namespace target_eye {

using Sha256Digest = std::array<unsigned char, 32>;

// Throws std::bad_alloc if there is no memory for it. It never returns anything but the digest,
// since whoever compares digests takes equal ones for equal texts.
Sha256Digest Sha256(std::string_view text);

}  // namespace target_eye
