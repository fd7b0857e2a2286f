#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace target_eye {

// A glob as shells have them, on Unicode code points, made ready to be tried on many texts. It
// matches a whole text, and case matters:
//   *       any code points, or none
//   ?       one code point
//   [ab0-9] one of these; `]` as the first one is itself, and so is `-` as the first or the last
//   [!ab]   one that is none of these; `^` is the same as `!`
//   \c      the code point c itself; in brackets, too
// There is no separator: `*` matches slashes and dots, too. In a text that is not valid UTF-8 each
// byte that is wrong counts as one code point, which no letter and no range names.
//
// What it costs is bounded, since whoever may ask for a list chooses globs. All parts are tried at
// once, so a text is walked once, however many stars there are. A code point costs a look in a
// table, or, beyond ASCII, a binary search among the ranges of the glob (at most 12 steps), and
// some arithmetic on one word, or on four where there are more than 63 parts: 4 to 20 ns. The
// largest selector has 64 terms, and a key at most 1,024 bytes: so a group takes at most 64 x 1,024
// x 20 ns = 1.3 ms, and 100,000 groups with names of 32 bytes at most 4 s, against which a list has
// a limit (publish/http_sd/). Memory: some 450 bytes, and at most 80 for each byte of the pattern.
//
// A value: safe to share among threads once made.
class Glob {
 public:
  static constexpr std::size_t kMaxBytes = 4096;
  // Characters, `?` and brackets together, where there is a `*`, a `?` or a bracket at all: a plain
  // name may be as long as it likes.
  static constexpr std::size_t kMaxParts = 255;

  // The glob that `pattern` spells. kInvalid says what is wrong with it: too long, not valid UTF-8,
  // a `[` that has no end, a range that runs backwards, a `\` at the end, or too many parts.
  static Expected<Glob> Parse(std::string_view pattern);

  // Whether the whole of `text` matches. Time is linear in the text. Allocates nothing.
  bool Matches(std::string_view text) const;

  // Whether one text matches and no other, which is `name` then.
  bool is_name() const { return is_name_; }
  const std::string& name() const { return prefix_; }

 private:
  class Compiler;

  // A bit for each count of parts that what was read so far may have matched; and of what accepts a
  // code point, a bit for each part. In words of 64.
  static constexpr std::size_t kMaxWords = (kMaxParts + 1) / 64;
  using Bits = std::array<std::uint64_t, kMaxWords>;

  Glob() = default;
  // The range that the first code point of `text` is in, which is taken off.
  std::size_t TakeRange(std::string_view& text) const;
  template <std::size_t kWords>
  bool MatchesParts(std::string_view text) const;

  // What stands before the first `*`, `?` or bracket and behind the last one is compared as it is.
  std::string prefix_;
  std::string suffix_;
  bool is_name_ = false;
  // Between them.
  std::size_t parts_ = 0;
  std::size_t words_ = 1;  // As many as hold a bit for each count of parts: 1 or kMaxWords.
  Bits starred_ = {};      // Behind so many parts there is a `*`.
  // Which parts accept which code points. A range ends where the next one begins; the first one
  // begins at 0.
  std::vector<char32_t> ranges_;          // Where each begins, sorted.
  std::vector<std::uint64_t> accepting_;  // By what it is accepted, `words_` for each.
  std::vector<std::uint16_t> ascii_;      // The range of each of the first 128 code points.
};

}  // namespace target_eye
