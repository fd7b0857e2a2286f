#include "model/selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "model/labels.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

Selector Of(std::string_view text) {
  auto selector = Selector::Parse(text);
  EXPECT_TRUE(selector.has_value()) << text << ": " << selector.error().message;
  return selector.value_or(Selector());
}

const Labels kLabels = {
    {"env", "prod"}, {"job", "web-1"}, {"team", "infra,core"}, {"tier", "a\\b"}};

std::string_view LabelOf(std::string_view name) {
  const auto label = kLabels.find(name);
  return label == kLabels.end() ? std::string_view() : label->second;
}

bool Selects(std::string_view text) { return Of(text).Matches({"web-1", "prod"}, LabelOf); }

TEST(SelectorTest, NothingSelectsEverything) {
  for (const std::string_view text : {"", " ", "\t\n"}) {
    EXPECT_TRUE(Of(text).selects_all());
    EXPECT_TRUE(Selects(text));
    EXPECT_EQ(Of(text).text(), "");
  }
  EXPECT_TRUE(Selector().selects_all());
}

TEST(SelectorTest, EachKeyIsMatchedWhole) {
  EXPECT_TRUE(Selects("application=web-1"));
  EXPECT_TRUE(Selects("application=web-*"));
  EXPECT_FALSE(Selects("application=web"));
  EXPECT_FALSE(Selects("application=WEB-1"));
  EXPECT_TRUE(Selects("environment=pro*"));
  EXPECT_FALSE(Selects("environment=dev"));
  EXPECT_TRUE(Selects("label.job=*-1"));
  EXPECT_FALSE(Selects("label.job=db"));
}

TEST(SelectorTest, OfSeveralOnOneKeyAnyHoldsOfDifferentKeysAll) {
  EXPECT_TRUE(Selects("application=db,application=web-*"));
  EXPECT_FALSE(Selects("application=db,application=cache"));
  EXPECT_TRUE(Selects("application=db,application=web-*,environment=prod,environment=dev"));
  EXPECT_FALSE(Selects("application=web-*,environment=dev"));
  EXPECT_FALSE(Selects("label.job=web-1,label.env=dev"));
}

TEST(SelectorTest, EveryNegativeTermMustHold) {
  EXPECT_TRUE(Selects("application!=db"));
  EXPECT_FALSE(Selects("application!=web-*"));
  EXPECT_FALSE(Selects("application!=db,application!=web-1"));
  EXPECT_TRUE(Selects("application=web-*,application!=web-2"));
  EXPECT_FALSE(Selects("application=web-*,application!=web-1"));
  EXPECT_FALSE(Selects("application=web-*,label.env!=prod"));
}

TEST(SelectorTest, AMissingLabelIsTheEmptyString) {
  EXPECT_TRUE(Selects("label.zone="));
  EXPECT_TRUE(Selects("label.zone!=a"));
  EXPECT_TRUE(Selects("label.zone=*"));
  EXPECT_FALSE(Selects("label.zone!="));
  EXPECT_TRUE(Selects("label.job!="));
  EXPECT_FALSE(Selects("label.job="));
}

TEST(SelectorTest, ACommaInAGlobHasABackslash) {
  EXPECT_TRUE(Selects("label.team=infra\\,core"));
  EXPECT_TRUE(Selects("label.team=*\\,core,application=web-1"));
  EXPECT_FALSE(Selects("label.team=infra\\,core,application=db"));
  // The backslash belongs to the one before it; the comma ends the term.
  EXPECT_TRUE(Selects("label.tier=*\\\\*,application=web-1"));
  EXPECT_FALSE(Selects("label.tier=a\\\\,application=web-1"));
}

TEST(SelectorTest, SpacesAroundATermDoNotCount) {
  EXPECT_EQ(Of(" application = web-* , environment != dev ").text(),
            "application=web-*,environment!=dev");
}

TEST(SelectorTest, TheNormalFormIsTheSameForTheSameTerms) {
  EXPECT_EQ(Of("environment=b,application=a,environment=a,application=a").text(),
            "application=a,environment=a,environment=b");
  EXPECT_NE(Of("label.a=b").text(), Of("label.a!=b").text());
  const auto escaped = Selector::Make({{"label.a", false, "x\\,label.b=y"}});
  const auto plain = Selector::Make({{"label.a", false, "x,label.b=y"}});
  const auto two = Selector::Make({{"label.a", false, "x"}, {"label.b", false, "y"}});
  ASSERT_TRUE(escaped && plain && two);
  EXPECT_EQ(escaped->text(), plain->text());
  EXPECT_NE(plain->text(), two->text());
}

TEST(SelectorTest, TheNormalFormReadsBack) {
  for (const std::string_view text :
       {"application=a", "application!=a*,label.team=", "label.x=\\\\,label.y=\\,\\\\\\,",
        "label.x=a=b!=c", "label.x=\\*", "environment=\xC3\xA9", "label.x=[\\,a]"}) {
    const std::string normal = Of(text).text();
    EXPECT_EQ(Of(normal).text(), normal) << text;
  }
  const auto made = Selector::Make({{"label.a", false, "\\\\,,[,]\\,"}});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->text(), "label.a=\\\\\\,\\,[\\,]\\,");
  EXPECT_EQ(Of(made->text()).text(), made->text());
}

TEST(SelectorTest, WhatIsNoTermIsRefusedByName) {
  const struct {
    const char* text;
    const char* message;
  } rows[] = {
      {"web", "selector term \"web\": expected KEY=GLOB or KEY!=GLOB"},
      {"application=a,", "selector term \"\": expected KEY=GLOB"},
      {",application=a", "selector term \"\": expected KEY=GLOB"},
      {"app=web", "selector term \"app=web\": expected application=GLOB"},
      {"=web", "expected application=GLOB"},
      {"!=web", "expected application=GLOB"},
      {"Application=web", "expected application=GLOB"},
      {"label=web", "expected application=GLOB"},
      {"label.=web", "label name \"\""},
      {"label.a-b=web", "label name \"a-b\""},
      {"application=", "selector term \"application=\": expected a glob"},
      {"environment!=", "selector term \"environment!=\": expected a glob"},
      {"application=~web.*", "there are no regular expressions"},
      {"application!~web.*", "expected KEY=GLOB"},
      {"label.a=\xFF", "UTF-8"},
      {"label.a=[b", "selector term \"label.a=[b\": "},
      {"label.a=b\\", "selector term \"label.a=b\\\\\": "},
  };
  for (const auto& row : rows) {
    const auto selector = Selector::Parse(row.text);
    ASSERT_FALSE(selector) << row.text;
    EXPECT_EQ(selector.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(selector.error().message, HasSubstr(row.message)) << row.text;
  }
}

TEST(SelectorTest, TermsAndBytesAreBounded) {
  std::string text;
  for (std::size_t i = 0; i < Selector::kMaxTerms; ++i) {
    text += (i == 0 ? "application=a" : ",application=a") + std::to_string(i);
  }
  EXPECT_TRUE(Selector::Parse(text));
  const auto more = Selector::Parse(text + ",application=b");
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message, HasSubstr("has too many terms, at most 64 are allowed"));

  const std::string key = "application=";
  EXPECT_TRUE(Selector::Parse(key + std::string(Selector::kMaxBytes - key.size(), 'a')));
  const auto longer = Selector::Parse(key + std::string(Selector::kMaxBytes, 'a'));
  ASSERT_FALSE(longer);
  EXPECT_THAT(longer.error().message, HasSubstr("at most 4096 are allowed"));
  const auto made = Selector::Make({{"application", false, std::string(Selector::kMaxBytes, 'a')}});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("at most 4096 are allowed"));
}

TEST(SelectorTest, ItIsKnownWhetherLabelsHaveASay) {
  EXPECT_FALSE(Of("").looks_at_labels());
  EXPECT_FALSE(Of("application=a,environment!=b").looks_at_labels());
  EXPECT_TRUE(Of("application=a,label.b!=c").looks_at_labels());
}

TEST(SelectorTest, WhatLooksLikeAnotherLanguageIsDoubted) {
  const auto doubt = [](std::string_view text) { return Selector::Parse(text).value().Doubt(); };
  EXPECT_EQ(doubt("application=web, environment==prod"),
            "\"environment==prod\": it has one = too many");
  for (const char* text :
       {"application='web'", "application=\"web\"", "label.a!=\"x\"", "application=a|b",
        "application=/web.*/", "environment=/prod/", "application=web-.*", "application=.+",
        "application=^web", "environment=prod$", "environment={a}", "application!==web"}) {
    EXPECT_NE(doubt(text), "") << text;
  }
  for (const char* text :
       {"", "application=web-*", "application=a/b", "application=/", "environment=prod.eu",
        "label.a=", "label.a=it's", "application=[ab]?", "application=.", "label.price=5$ off"}) {
    EXPECT_EQ(doubt(text), "") << text;
  }
}

}  // namespace
}  // namespace target_eye
