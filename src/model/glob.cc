#include "model/glob.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/utf8.h"

namespace target_eye {
namespace {

std::string_view FirstCodePoint(std::string_view text) {
  return text.substr(0, std::max<std::size_t>(1, Utf8CodePointBytes(text)));
}

// Takes a code point, which `\` may precede, off `pattern` and returns it; empty if there is none.
std::string_view TakeLiteral(std::string_view& pattern) {
  if (pattern.starts_with('\\')) pattern.remove_prefix(1);
  const std::string_view literal = FirstCodePoint(pattern);
  pattern.remove_prefix(literal.size());
  return literal;
}

// UTF-8 sorts as the code points do.
struct Range {
  std::string_view first;
  std::string_view last;
};

// What is between brackets, range by range.
class Brackets {
 public:
  // `pattern` begins with `[`.
  explicit Brackets(std::string_view pattern) : rest_(pattern.substr(1)) {
    negative_ = rest_.starts_with('!') || rest_.starts_with('^');
    if (negative_) rest_.remove_prefix(1);
  }

  // Whether there is one more, which `range` is then.
  bool Next(Range& range) {
    if (!is_first_ && rest_.starts_with(']')) {
      rest_.remove_prefix(1);
      has_end_ = true;
      return false;
    }
    is_first_ = false;
    range.first = range.last = TakeLiteral(rest_);
    const bool has_last = rest_.starts_with('-') && rest_.size() > 1 && rest_[1] != ']';
    if (has_last) {
      rest_.remove_prefix(1);
      range.last = TakeLiteral(rest_);
    }
    return !range.last.empty();
  }

  bool negative() const { return negative_; }
  // Once Next has given false.
  bool has_end() const { return has_end_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool negative_ = false;
  bool is_first_ = true;
  bool has_end_ = false;
};

// Takes the part for one code point, which is not `*`, off `pattern`, and returns whether it
// matches `code_point`.
bool TakeOne(std::string_view& pattern, std::string_view code_point) {
  if (pattern.starts_with('?')) {
    pattern.remove_prefix(1);
    return true;
  }
  if (!pattern.starts_with('[')) return TakeLiteral(pattern) == code_point;
  Brackets brackets(pattern);
  bool found = false;
  for (Range range; brackets.Next(range);) {
    found = found || (range.first <= code_point && code_point <= range.last);
  }
  pattern = brackets.rest();
  return brackets.has_end() && found != brackets.negative();
}

}  // namespace

Expected<void> CheckGlob(std::string_view pattern) {
  const auto wrong = [&](std::string_view what) {
    return Invalid(fmt::format("glob {}: {}", Quote(pattern), what));
  };
  if (pattern.size() > kMaxGlobBytes) {
    return wrong(
        fmt::format("has {} bytes, at most {} are allowed", pattern.size(), kMaxGlobBytes));
  }
  if (!IsValidUtf8(pattern)) return wrong("must be valid UTF-8");
  std::string_view rest = pattern;
  while (!rest.empty()) {
    if (rest.starts_with('[')) {
      Brackets brackets(rest);
      for (Range range; brackets.Next(range);) {
        if (range.last < range.first) {
          return wrong(fmt::format("the range {}-{} runs backwards", range.first, range.last));
        }
      }
      if (!brackets.has_end()) {
        return wrong("a [ has no ]; expected one, or \\[ for the bracket itself");
      }
      rest = brackets.rest();
    } else if (rest == "\\") {
      return wrong("ends in a \\; expected \\\\ for the backslash itself");
    } else {
      TakeLiteral(rest);
    }
  }
  return {};
}

bool GlobMatches(std::string_view pattern, std::string_view text) {
  // It is enough to try again from the last `*`: what an earlier one took can stay as it is.
  bool has_star = false;
  std::string_view after_star;
  std::string_view text_at_star;
  while (!text.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      if (pattern.empty()) return true;
      has_star = true;
      after_star = pattern;
      text_at_star = text;
      continue;
    }
    const std::string_view code_point = FirstCodePoint(text);
    if (!pattern.empty() && TakeOne(pattern, code_point)) {
      text.remove_prefix(code_point.size());
    } else if (has_star) {
      text_at_star.remove_prefix(FirstCodePoint(text_at_star).size());
      text = text_at_star;
      pattern = after_star;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*') == std::string_view::npos;
}

}  // namespace target_eye
