#include "model/glob.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "model/utf8.h"

namespace target_eye {
namespace {

// Beyond all of Unicode: a byte that is not valid UTF-8.
constexpr char32_t kNoCodePoint = 0x110000;

constexpr char32_t kAscii = 0x80;
constexpr std::size_t kBitsOfAWord = 64;

// Takes the first code point off `text`, which is not empty.
char32_t TakeCodePoint(std::string_view& text) {
  const auto byte_at = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const std::size_t bytes = Utf8CodePointBytes(text);
  char32_t code_point = kNoCodePoint;
  if (bytes == 1) {
    code_point = byte_at(0);
  } else if (bytes > 1) {
    constexpr int kBitsOfTail = 6;
    code_point = byte_at(0) & (0x7FU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i) {
      code_point = (code_point << kBitsOfTail) | (byte_at(i) & 0x3FU);
    }
  }
  text.remove_prefix(std::max<std::size_t>(1, bytes));
  return code_point;
}

// Takes a code point, which `\` may precede, off `pattern` and returns it as it is spelt; empty if
// there is none.
std::string_view TakeLiteral(std::string_view& pattern) {
  if (pattern.starts_with('\\')) pattern.remove_prefix(1);
  const std::string_view literal =
      pattern.substr(0, std::max<std::size_t>(1, Utf8CodePointBytes(pattern)));
  pattern.remove_prefix(literal.size());
  return literal;
}

std::unexpected<Error> Wrong(std::string_view pattern, std::string_view what) {
  return Invalid(fmt::format("glob {}: {}", Quote(pattern), what));
}

// Code points; `end` is not one of them.
struct Span {
  char32_t first = 0;
  char32_t end = 0;
};

Span SpanOf(std::string_view first, std::string_view last) {
  return {TakeCodePoint(first), TakeCodePoint(last) + 1};
}

// What one code point of a text has to be: one of `spans` or, if `negative`, any other.
struct Part {
  std::vector<Span> spans;
  bool negative = false;
  bool after_star = false;   // Any code points may come before it.
  std::string_view literal;  // If it is one, as it is spelt.
};

struct Parts {
  std::vector<Part> parts;
  bool ends_in_star = false;
};

// Takes what is behind a `[` off `rest`, up to its `]`.
Expected<Part> TakeBrackets(std::string_view pattern, std::string_view& rest) {
  Part part;
  part.negative = rest.starts_with('!') || rest.starts_with('^');
  if (part.negative) rest.remove_prefix(1);
  for (bool is_first = true; is_first || !rest.starts_with(']'); is_first = false) {
    const std::string_view first = TakeLiteral(rest);
    std::string_view last = first;
    if (rest.starts_with('-') && rest.size() > 1 && rest[1] != ']') {
      rest.remove_prefix(1);
      last = TakeLiteral(rest);
    }
    if (last.empty()) {
      return Wrong(pattern, "a [ has no ]; expected one, or \\[ for the bracket itself");
    }
    // UTF-8 sorts as the code points do.
    if (last < first) {
      return Wrong(pattern, fmt::format("the range {}-{} runs backwards", first, last));
    }
    part.spans.push_back(SpanOf(first, last));
  }
  rest.remove_prefix(1);
  return part;
}

Expected<Part> TakePart(std::string_view pattern, std::string_view& rest) {
  if (rest == "\\") return Wrong(pattern, "ends in a \\; expected \\\\ for the backslash itself");
  if (rest.front() == '[') {
    rest.remove_prefix(1);
    return TakeBrackets(pattern, rest);
  }
  Part part;
  if (rest.front() == '?') {
    rest.remove_prefix(1);
    part.negative = true;
  } else {
    part.literal = TakeLiteral(rest);
    part.spans = {SpanOf(part.literal, part.literal)};
  }
  return part;
}

Expected<Parts> TakeApart(std::string_view pattern) {
  Parts parts;
  for (std::string_view rest = pattern; !rest.empty();) {
    if (rest.front() == '*') {
      rest.remove_prefix(1);
      parts.ends_in_star = true;
      continue;
    }
    auto part = TakePart(pattern, rest);
    if (!part) return std::unexpected(std::move(part.error()));
    part->after_star = std::exchange(parts.ends_in_star, false);
    parts.parts.push_back(*std::move(part));
  }
  return parts;
}

// The same code points in order, each once.
std::vector<Span> Merged(std::vector<Span> spans) {
  std::ranges::sort(spans, {}, &Span::first);
  std::vector<Span> merged;
  for (const Span& span : spans) {
    if (!merged.empty() && span.first <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, span.end);
    } else {
      merged.push_back(span);
    }
  }
  return merged;
}

// The code points at which a part begins to accept, or stops to. In order.
std::vector<std::pair<char32_t, std::size_t>> TurnsOf(std::span<Part> parts) {
  std::vector<std::pair<char32_t, std::size_t>> turns;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].negative) turns.emplace_back(0, i);
    for (const Span& span : Merged(std::move(parts[i].spans))) {
      turns.emplace_back(span.first, i);
      turns.emplace_back(span.end, i);
    }
  }
  std::ranges::sort(turns);
  return turns;
}

// The last one of `ranges` that begins at or before `code_point`.
std::size_t RangeOf(char32_t code_point, std::span<const char32_t> ranges) {
  const auto next = std::ranges::upper_bound(ranges, code_point);
  return static_cast<std::size_t>(next - ranges.begin()) - 1;
}

std::string Joined(std::span<const Part> parts) {
  std::string text;
  for (const Part& part : parts) text += part.literal;
  return text;
}

}  // namespace

class Glob::Compiler {
 public:
  // What stands between a glob's prefix and its suffix.
  static void Compile(std::span<Part> parts, bool star_at_end, Glob& glob) {
    glob.parts_ = parts.size();
    glob.words_ = parts.size() < kBitsOfAWord ? 1 : kMaxWords;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (parts[i].after_star) Flip(i, glob.starred_);
    }
    if (star_at_end) Flip(parts.size(), glob.starred_);
    Bits accepting = {};
    glob.ranges_.push_back(0);
    for (const auto& [code_point, part] : TurnsOf(parts)) {
      if (code_point != glob.ranges_.back()) {
        Keep(accepting, glob);
        glob.ranges_.push_back(code_point);
      }
      Flip(part, accepting);
    }
    Keep(accepting, glob);
    glob.ranges_.shrink_to_fit();
    glob.accepting_.shrink_to_fit();
    if (parts.empty()) return;
    for (char32_t c = 0; c < kAscii; ++c) {
      glob.ascii_.push_back(static_cast<std::uint16_t>(RangeOf(c, glob.ranges_)));
    }
  }

 private:
  static void Flip(std::size_t bit, Bits& bits) {
    bits[bit / kBitsOfAWord] ^= std::uint64_t{1} << (bit % kBitsOfAWord);
  }
  static void Keep(const Bits& accepting, Glob& glob) {
    const auto end = accepting.begin() + static_cast<std::ptrdiff_t>(glob.words_);
    glob.accepting_.insert(glob.accepting_.end(), accepting.begin(), end);
  }
};

Expected<Glob> Glob::Parse(std::string_view pattern) {
  if (pattern.size() > kMaxBytes) {
    return Wrong(pattern,
                 fmt::format("has {} bytes, at most {} are allowed", pattern.size(), kMaxBytes));
  }
  if (!IsValidUtf8(pattern)) return Wrong(pattern, "must be valid UTF-8");
  auto taken = TakeApart(pattern);
  if (!taken) return std::unexpected(std::move(taken.error()));
  std::span<Part> parts = taken->parts;

  const auto is_special = [](const Part& part) { return part.after_star || part.literal.empty(); };
  std::size_t begin = 0;
  while (begin < parts.size() && !is_special(parts[begin])) ++begin;
  Glob glob;
  glob.prefix_ = Joined(parts.first(begin));
  glob.is_name_ = begin == parts.size() && !taken->ends_in_star;
  if (glob.is_name_) return glob;
  if (parts.size() > kMaxParts) {
    return Wrong(pattern, fmt::format("has {} characters, ? and [...], at most {} are allowed "
                                      "beside a *, ? or [...]",
                                      parts.size(), kMaxParts));
  }
  std::size_t end = parts.size();
  while (!taken->ends_in_star && end > begin && !parts[end - 1].literal.empty()) {
    if (parts[--end].after_star) break;
  }
  glob.suffix_ = Joined(parts.subspan(end));
  const bool star_at_end = end < parts.size() ? parts[end].after_star : taken->ends_in_star;
  Compiler::Compile(parts.subspan(begin, end - begin), star_at_end, glob);
  return glob;
}

std::size_t Glob::TakeRange(std::string_view& text) const {
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte >= kAscii || ascii_.empty()) return RangeOf(TakeCodePoint(text), ranges_);
  text.remove_prefix(1);
  return ascii_[byte];
}

template <std::size_t kWords>
bool Glob::MatchesParts(std::string_view text) const {
  const std::size_t last_word = parts_ / kBitsOfAWord;
  const std::uint64_t last_bit = std::uint64_t{1} << (parts_ % kBitsOfAWord);
  const bool takes_the_rest = (starred_[last_word] & last_bit) != 0;
  std::array<std::uint64_t, kWords> matched = {1};
  while (!text.empty()) {
    if (takes_the_rest && (matched[last_word] & last_bit) != 0) return true;
    const std::uint64_t* const accepting = &accepting_[TakeRange(text) * kWords];
    std::uint64_t carried = 0;
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < kWords; ++i) {
      // Each part that accepts it goes one on, and behind a star what was matched stays matched.
      const std::uint64_t accepted = matched[i] & accepting[i];
      matched[i] = (accepted << 1U) | carried | (matched[i] & starred_[i]);
      carried = accepted >> (kBitsOfAWord - 1);
      any |= matched[i];
    }
    if (any == 0) return false;
  }
  return (matched[last_word] & last_bit) != 0;
}

bool Glob::Matches(std::string_view text) const {
  if (is_name_) return text == prefix_;
  if (text.size() < prefix_.size() + suffix_.size() || !text.starts_with(prefix_) ||
      !text.ends_with(suffix_)) {
    return false;
  }
  text = text.substr(prefix_.size(), text.size() - prefix_.size() - suffix_.size());
  return words_ == 1 ? MatchesParts<1>(text) : MatchesParts<kMaxWords>(text);
}

}  // namespace target_eye
