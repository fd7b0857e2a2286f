#include "model/group_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "model/glob.h"

namespace target_eye {
namespace {

using Rules = std::vector<GroupSet::Rule>;

bool Has(const GroupSet& set, std::string_view application, std::string_view environment) {
  return set.Contains({.application = application, .environment = environment});
}

TEST(GroupSetTest, AGroupIsInItWhereBothPartsMatchOneRule) {
  const GroupSet set({{{"web-*", "api"}, {"prod"}}, {{"db"}, {"*"}}});
  EXPECT_TRUE(Has(set, "web-shop", "prod"));
  EXPECT_TRUE(Has(set, "api", "prod"));
  EXPECT_TRUE(Has(set, "db", "dev"));
  EXPECT_FALSE(Has(set, "web-shop", "dev"));
  EXPECT_FALSE(Has(set, "API", "prod"));
  EXPECT_FALSE(set.is_all());
  EXPECT_FALSE(set.is_empty());
}

TEST(GroupSetTest, WithoutARuleNothingIsInIt) {
  for (const GroupSet& set : {GroupSet({}), GroupSet({{{}, {"*"}}}), GroupSet({{{"*"}, {}}})}) {
    EXPECT_TRUE(set.is_empty());
    EXPECT_FALSE(Has(set, "web", "prod"));
  }
}

TEST(GroupSetTest, OneRuleForEverythingIsEverything) {
  const GroupSet set({{{"web"}, {"dev"}}, {{"a", "*"}, {"*"}}});
  EXPECT_TRUE(set.is_all());
  EXPECT_EQ(set.text(), GroupSet({{{"*"}, {"*"}}}).text());
  EXPECT_TRUE(Has(set, "any", "thing"));
}

TEST(GroupSetTest, TheSameSetInOtherWordsHasTheSameText) {
  const std::string text = GroupSet({{{"a", "b"}, {"x", "y"}}}).text();
  for (const Rules& rules :
       {Rules{{{"b", "a", "a"}, {"y", "x"}}}, Rules{{{"a"}, {"y", "x"}}, {{"b"}, {"x", "y"}}},
        Rules{{{"a"}, {"x"}}, {{"b"}, {"x"}}, {{"a"}, {"y"}}, {{"b"}, {"y"}}}}) {
    EXPECT_EQ(GroupSet(rules).text(), text);
  }
}

TEST(GroupSetTest, NoTwoSetsHaveTheSameText) {
  const std::vector<Rules> all = {{},
                                  {{{"a"}, {"b"}}},
                                  {{{"b"}, {"a"}}},
                                  {{{"a", "b"}, {"c"}}},
                                  {{{"a1:b"}, {"c"}}},
                                  {{{"a"}, {"b", "c"}}},
                                  {{{"a"}, {"b"}}, {{"c"}, {"d"}}},
                                  {{{"a"}, {"d"}}, {{"c"}, {"b"}}},
                                  {{{"a"}, {"*"}}},
                                  {{{"a"}, {"\\*"}}}};
  std::vector<std::string> texts;
  for (const Rules& rules : all) texts.push_back(GroupSet(rules).text());
  std::ranges::sort(texts);
  EXPECT_EQ(std::ranges::adjacent_find(texts), texts.end());
}

// Normalising must never show more than the rules as they were written, nor less.
TEST(GroupSetTest, RandomSetsHoldWhatTheirRulesSay) {
  const auto seed = std::random_device()();
  std::mt19937 random(seed);
  const std::vector<std::string> globs = {"a", "b", "ab", "a*", "*b", "?", "[ab]", "*"};
  const std::vector<std::string> names = {"a", "b", "ab", "ba", "c"};
  const auto pick = [&] {
    std::vector<std::string> some(random() % 3 + 1);
    for (std::string& one : some) one = globs[random() % globs.size()];
    return some;
  };
  for (int round = 0; round < 2000; ++round) {
    Rules rules(random() % 5);
    for (GroupSet::Rule& rule : rules) rule = {pick(), pick()};
    const GroupSet set(rules);
    for (const std::string& application : names) {
      for (const std::string& environment : names) {
        const bool expected = std::ranges::any_of(rules, [&](const GroupSet::Rule& rule) {
          const auto matches = [](const std::vector<std::string>& all, const std::string& text) {
            return std::ranges::any_of(
                all, [&](const std::string& glob) { return Glob::Parse(glob)->Matches(text); });
          };
          return matches(rule.applications, application) && matches(rule.environments, environment);
        });
        ASSERT_EQ(Has(set, application, environment), expected) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace target_eye
