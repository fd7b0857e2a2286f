#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/group_key.h"
#include "model/labels.h"

namespace target_eye {

// Which groups a listing shows: terms on a group's application, environment and labels, each a glob
// (model/glob.h) that the whole value must match, or must not. Of several terms that ask for the
// same thing one must hold; all that forbid must; and so must those on different things. A label
// that a group does not have is the empty string, as it is to Prometheus. Without a term, every
// group is selected.
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

  // Of its text form: terms with commas between, each `KEY=GLOB` or `KEY!=GLOB`; a comma in a glob
  // is `\,`. Spaces around keys and globs do not count. kInvalid names the term that is wrong and
  // what is expected. Nothing but spaces selects every group.
  static Expected<Selector> Parse(std::string_view text);

  // The same of terms that have been taken apart already.
  static Expected<Selector> Make(std::vector<Term> terms);

  bool Matches(const GroupKeyView& key, const Labels& labels) const;

  bool selects_all() const { return terms_.empty(); }

  // Whether more than a group's key has a say, so that a change may end or begin its selection.
  bool looks_at_labels() const;

  // The first term that was probably meant otherwise, and how it is to be written: with quotes, `|`
  // or slashes in it, or what regular expressions and other query languages have. It is a glob all
  // the same. Empty where there is none.
  std::string Doubt() const;

  // The normal form: the same for selectors of the same terms, and for no others. Parse takes it
  // back, but for spaces at a pattern's ends.
  std::string text() const;

 private:
  std::vector<Term> terms_;  // Sorted, none twice: those on one key together, positive ones first.
};

}  // namespace target_eye
