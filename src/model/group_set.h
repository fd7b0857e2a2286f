#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/glob.h"
#include "model/group_key.h"

namespace target_eye {

// The texts that at least one of several globs (model/glob.h) matches. Most globs are plain names;
// these are looked up, not tried one by one. Safe to share among threads once made.
class GlobSet {
 public:
  // A pattern that is no glob matches nothing.
  explicit GlobSet(const std::vector<std::string>& patterns);
  bool Matches(std::string_view text) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unordered_set<std::string, Hash, std::equal_to<>> names_;
  std::vector<Glob> globs_;
};

// A set of groups, described by rules: a group is in the set if, in one rule, a glob matches its
// application and a glob matches its environment. Never changed once made; safe to share among
// threads.
class GroupSet {
 public:
  struct Rule {
    std::vector<std::string> applications;  // Globs.
    std::vector<std::string> environments;
  };

  // Rules that differ only in order, in repetitions, or in how rules with the same applications or
  // the same environments are split make the same set, with the same text.
  explicit GroupSet(std::vector<Rule> rules);

  bool Contains(const GroupKeyView& key) const;

  bool is_empty() const { return rules_.empty(); }
  bool is_all() const { return is_all_; }

  // The normal form: the same text means the same groups. About as long as the rules.
  const std::string& text() const { return text_; }

 private:
  struct GlobRule {
    GlobSet applications;
    GlobSet environments;
  };

  std::vector<GlobRule> rules_;
  std::string text_;
  bool is_all_ = false;
};

}  // namespace target_eye
