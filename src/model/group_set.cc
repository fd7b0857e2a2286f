#include "model/group_set.h"

#include <algorithm>
#include <map>
#include <utility>

namespace target_eye {
namespace {

using Globs = std::vector<std::string>;

const Globs kEverything = {"*"};

void Normalize(Globs& globs) {
  if (std::ranges::find(globs, "*") != globs.end()) {
    globs = kEverything;
    return;
  }
  std::ranges::sort(globs);
  const auto repeated = std::ranges::unique(globs);
  globs.erase(repeated.begin(), repeated.end());
}

// Rules that agree in `same` are one, with what each has in `other`. In the order of `same`.
void Join(std::vector<GroupSet::Rule>& rules, Globs GroupSet::Rule::* same,
          Globs GroupSet::Rule::* other) {
  std::map<Globs, Globs> joined;
  for (GroupSet::Rule& rule : rules) {
    Globs& all = joined[std::move(rule.*same)];
    std::ranges::move(rule.*other, std::back_inserter(all));
  }
  rules.clear();
  for (auto& [key, all] : joined) {
    Normalize(all);
    GroupSet::Rule rule;
    rule.*same = key;
    rule.*other = std::move(all);
    rules.push_back(std::move(rule));
  }
}

// With lengths, so that no text of a glob can look like two.
void Append(std::string& text, const Globs& globs) {
  text += std::to_string(globs.size()) + ';';
  for (const std::string& glob : globs) text += std::to_string(glob.size()) + ':' + glob;
}

}  // namespace

GlobSet::GlobSet(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns) {
    auto glob = Glob::Parse(pattern);
    if (!glob) continue;
    if (glob->is_name()) {
      names_.insert(glob->name());
    } else {
      globs_.push_back(*std::move(glob));
    }
  }
}

bool GlobSet::Matches(std::string_view text) const {
  return names_.contains(text) ||
         std::ranges::any_of(globs_, [&](const Glob& glob) { return glob.Matches(text); });
}

GroupSet::GroupSet(std::vector<Rule> rules) {
  for (Rule& rule : rules) {
    Normalize(rule.applications);
    Normalize(rule.environments);
  }
  std::erase_if(rules, [](const Rule& rule) {
    return rule.applications.empty() || rule.environments.empty();
  });
  Join(rules, &Rule::environments, &Rule::applications);
  Join(rules, &Rule::applications, &Rule::environments);
  is_all_ = std::ranges::any_of(rules, [](const Rule& rule) {
    return rule.applications == kEverything && rule.environments == kEverything;
  });
  if (is_all_) rules = {{kEverything, kEverything}};
  for (const Rule& rule : rules) {
    Append(text_, rule.applications);
    Append(text_, rule.environments);
    rules_.push_back({GlobSet(rule.applications), GlobSet(rule.environments)});
  }
}

bool GroupSet::Contains(const GroupKeyView& key) const {
  return is_all_ || std::ranges::any_of(rules_, [&](const GlobRule& rule) {
           return rule.environments.Matches(key.environment) &&
                  rule.applications.Matches(key.application);
         });
}

}  // namespace target_eye
