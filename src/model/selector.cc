#include "model/selector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/labels.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::string_view kApplication = "application";
constexpr std::string_view kEnvironment = "environment";
constexpr std::string_view kLabelPrefix = "label.";

std::string TextOf(const Selector::Term& term) {
  return term.key + (term.negative ? "!=" : "=") + term.pattern;
}

// Up to the first comma that no backslash makes a part of a pattern; all of it if there is none.
std::string_view UpToComma(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && text[i] != ',') {
    i += text[i] == '\\' ? 2 : 1;
  }
  return text.substr(0, std::min(i, text.size()));
}

// The same glob, with a backslash before each comma.
std::string WithEscapedCommas(std::string_view pattern) {
  std::string escaped;
  while (true) {
    const std::string_view plain = UpToComma(pattern);
    escaped += plain;
    if (plain.size() == pattern.size()) {
      return escaped;
    }
    escaped += "\\,";
    pattern.remove_prefix(plain.size() + 1);
  }
}

std::unexpected<Error> WrongTerm(std::string_view term, std::string_view what) {
  return Invalid(fmt::format("selector term {}: {}", Quote(term), what));
}

// The glob of `term`, if all of it is right.
Expected<Glob> ReadTerm(const Selector::Term& term) {
  const bool is_label = term.key.starts_with(kLabelPrefix);
  if (!is_label && term.key != kApplication && term.key != kEnvironment) {
    return WrongTerm(TextOf(term),
                     "expected application=GLOB, environment=GLOB or label.NAME=GLOB, with != for "
                     "not");
  }
  if (is_label) {
    if (auto ok = CheckLabelName(std::string_view(term.key).substr(kLabelPrefix.size())); !ok) {
      return WrongTerm(TextOf(term), ok.error().message);
    }
  } else if (term.pattern.empty()) {
    return WrongTerm(TextOf(term), "expected a glob after the =, such as web-*");
  }
  // Somebody who writes queries would take it for a regular expression.
  if (term.pattern.starts_with('~')) {
    return WrongTerm(TextOf(term),
                     "there are no regular expressions here; expected a glob, such "
                     "as web-*");
  }
  auto glob = Glob::Parse(term.pattern);
  if (!glob) return WrongTerm(TextOf(term), glob.error().message);
  return glob;
}

bool IsBetween(std::string_view text, char mark) {
  return text.size() > 1 && text.starts_with(mark) && text.ends_with(mark);
}

// What of a glob looks like another language, and how to say it; empty if nothing does.
std::string_view WhatIsOdd(std::string_view pattern) {
  if (pattern.starts_with('=')) return "it has one = too many";
  if (IsBetween(pattern, '"') || IsBetween(pattern, '\'')) {
    return "quotes are a part of the value that is looked for; leave them out";
  }
  if (IsBetween(pattern, '/')) {
    return "slashes are a part of the value that is looked for, and there are no regular "
           "expressions; leave them out";
  }
  if (pattern.contains('|')) {
    return "a | is a part of the value that is looked for; for one of several, give the term "
           "several times";
  }
  if (pattern.contains(".*") || pattern.contains(".+")) {
    return "a dot is a part of the value that is looked for, and there are no regular expressions; "
           "any text is *";
  }
  if (pattern.starts_with('^') || (pattern.size() > 1 && pattern.ends_with('$'))) {
    return "^ and $ are a part of the value that is looked for: a glob matches a whole value "
           "anyway";
  }
  if (pattern.starts_with('{') && pattern.ends_with('}')) {
    return "braces are a part of the value that is looked for; for one of several, give the term "
           "several times";
  }
  return {};
}

}  // namespace

Expected<Selector> Selector::Parse(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Invalid(fmt::format("selector {}: has {} bytes, at most {} are allowed", Quote(text),
                               text.size(), kMaxBytes));
  }
  std::vector<Term> terms;
  std::string_view rest = text;
  // One too many is enough to be refused.
  for (bool is_last = TrimSpaces(text).empty(); !is_last && terms.size() <= kMaxTerms;) {
    const std::string_view piece = UpToComma(rest);
    is_last = piece.size() == rest.size();
    rest.remove_prefix(is_last ? piece.size() : piece.size() + 1);

    const std::string_view term = TrimSpaces(piece);
    const std::size_t equals = term.find('=');
    if (equals == std::string_view::npos) {
      return WrongTerm(term, "expected KEY=GLOB or KEY!=GLOB");
    }
    const bool negative = equals > 0 && term[equals - 1] == '!';
    terms.push_back({std::string(TrimSpaces(term.substr(0, equals - (negative ? 1 : 0)))), negative,
                     std::string(TrimSpaces(term.substr(equals + 1)))});
  }
  return Make(std::move(terms));
}

Expected<Selector> Selector::Make(std::vector<Term> terms) {
  if (terms.size() > kMaxTerms) {
    return Invalid(fmt::format("selector: has too many terms, at most {} are allowed", kMaxTerms));
  }
  Selector selector;
  std::size_t bytes = 0;
  for (Term& term : terms) {
    auto glob = ReadTerm(term);
    if (!glob) return std::unexpected(std::move(glob.error()));
    term.pattern = WithEscapedCommas(term.pattern);
    bytes += term.key.size() + term.pattern.size();
    selector.conditions_.push_back({std::move(term), *std::move(glob)});
  }
  if (bytes > kMaxBytes) {
    return Invalid(
        fmt::format("selector: its terms have {} bytes, at most {} are allowed", bytes, kMaxBytes));
  }
  std::ranges::sort(selector.conditions_, {}, &Condition::term);
  const auto repeated = std::ranges::unique(selector.conditions_, {}, &Condition::term);
  selector.conditions_.erase(repeated.begin(), repeated.end());
  return selector;
}

bool Selector::IsTrue(const Condition& condition, const GroupKeyView& key,
                      const LabelValue& label) {
  const std::string_view name = condition.term.key;
  if (name == kApplication) return condition.glob.Matches(key.application);
  if (name == kEnvironment) return condition.glob.Matches(key.environment);
  return condition.glob.Matches(label(name.substr(kLabelPrefix.size())));
}

bool Selector::Matches(const GroupKeyView& key, const LabelValue& label) const {
  for (auto next = conditions_.begin(); next != conditions_.end();) {
    if (next->term.negative) {
      if (IsTrue(*next, key, label)) {
        return false;
      }
      ++next;
      continue;
    }
    const auto end = std::find_if(next, conditions_.end(), [&](const Condition& other) {
      return other.term.negative || other.term.key != next->term.key;
    });
    if (std::none_of(next, end, [&](const Condition& one) { return IsTrue(one, key, label); })) {
      return false;
    }
    next = end;
  }
  return true;
}

bool Selector::looks_at_labels() const {
  return std::ranges::any_of(conditions_, [](const Condition& condition) {
    return condition.term.key.starts_with(kLabelPrefix);
  });
}

std::string Selector::Doubt() const {
  for (const auto& [term, glob] : conditions_) {
    const std::string_view odd = WhatIsOdd(term.pattern);
    if (!odd.empty()) return fmt::format("{}: {}", Quote(TextOf(term)), odd);
  }
  return {};
}

std::string Selector::text() const {
  std::string text;
  for (const auto& [term, glob] : conditions_) {
    text += (text.empty() ? "" : ",") + TextOf(term);
  }
  return text;
}

}  // namespace target_eye
