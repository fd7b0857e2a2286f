#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/glob.h"
#include "model/group_key.h"

namespace target_eye {

// Which groups a list shows. A term is a glob (model/glob.h) that the whole of a group's
// application, environment or label must match (positive) or must not match (negative). A group is
// selected if, for each key that has positive terms, at least one of them matches, and no negative
// term does. A label that a group does not have is the empty string, as it is to Prometheus.
// Without terms, every group is selected.
//
// A value: safe to share among threads once made.
class Selector {
 public:
  static constexpr std::size_t kMaxTerms = 64;
  static constexpr std::size_t kMaxBytes = 4096;  // Of all keys and patterns together.

  struct Term {
    std::string key;  // `application`, `environment` or `label.NAME`.
    bool negative = false;
    std::string pattern;

    friend auto operator<=>(const Term&, const Term&) = default;
  };

  Selector() = default;

  // Reads the text form: terms separated by commas, each `KEY=GLOB` or `KEY!=GLOB`; a comma in a
  // glob is written `\,`. Spaces around keys and globs are ignored. kInvalid names the term that is
  // wrong and what is expected. An empty text selects every group.
  static Expected<Selector> Parse(std::string_view text);

  // The same, of terms that were taken apart already.
  static Expected<Selector> Make(std::vector<Term> terms);

  // The value of the label `name` of a group, empty if it has none. Good until the next call.
  using LabelValue = std::function<std::string_view(std::string_view name)>;

  // `label` is asked for names in their order, and not at all unless looks_at_labels.
  bool Matches(const GroupKeyView& key, const LabelValue& label) const;

  bool selects_all() const { return conditions_.empty(); }

  // How many terms there are, none counted twice.
  std::size_t terms() const { return conditions_.size(); }

  // Whether labels matter, so that a change to a group may select or unselect it.
  bool looks_at_labels() const;

  // Advice on the first term that was probably meant otherwise (it has quotes, `|`, slashes, or
  // what regular expressions and other query languages have): the term, and how to write it. It is
  // a valid glob all the same. Empty if there is no such term.
  std::string Doubt() const;

  // The normal form: equal if and only if the terms are the same. Parse reads it back, except
  // spaces at the ends of a pattern.
  std::string text() const;

 private:
  struct Condition {
    Term term;
    Glob glob;
  };

  static bool IsTrue(const Condition& condition, const GroupKeyView& key, const LabelValue& label);

  // Sorted by their terms, none twice: those on one key together, positive ones first.
  std::vector<Condition> conditions_;
};

}  // namespace target_eye
