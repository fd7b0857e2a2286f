#pragma once

#include <cstddef>
#include <string_view>

namespace target_eye {

// Whether `text` is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above
// U+10FFFF). NUL is a code point like any other.
bool IsValidUtf8(std::string_view text);

// The length in bytes, 1-4, of the well-formed code point at the beginning of `text`; 0 if there is
// none.
std::size_t Utf8CodePointBytes(std::string_view text);

}  // namespace target_eye
