#pragma once

#include <cstddef>
#include <string_view>

#include "model/error.h"

namespace target_eye {

// Globs as shells have them, on Unicode code points; a byte that is not valid UTF-8 counts as one.
// A glob matches a whole text, and case matters:
//   *       any code points, or none
//   ?       one code point
//   [ab0-9] one of these; `]` as the first one is itself, and so is `-` as the first or the last
//   [!ab]   one that is none of these; `^` is the same as `!`
//   \c      the code point c itself; in brackets, too
// There is no separator: `*` matches slashes and dots, too.

inline constexpr std::size_t kMaxGlobBytes = 4096;

// Whether `pattern` is a glob. kInvalid says what is wrong with it: too long, not valid UTF-8, a
// `[` that has no end, a range that runs backwards, or a `\` at the end.
Expected<void> CheckGlob(std::string_view pattern);

// Whether `pattern` matches the whole of `text`. If CheckGlob refuses `pattern`, it matches
// nothing; but a range that runs backwards is only left out. Time is at most proportional to the
// product of the two lengths. Allocates nothing. Pure; may be called from any thread.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace target_eye
