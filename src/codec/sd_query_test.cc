#include "codec/sd_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using testing::HasSubstr;

std::string SelectorTextOf(std::string_view query) {
  const auto parsed = ParseSdQuery(query);
  return parsed ? parsed->selector.text() : "error: " + parsed.error().message;
}

TEST(SdQueryTest, NothingSelectsEverything) {
  for (const std::string_view query : {"", "&", "&&"}) {
    const auto parsed = ParseSdQuery(query);
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->selector.selects_all());
    EXPECT_EQ(parsed->meta_labels, std::nullopt);
  }
}

TEST(SdQueryTest, ParametersAreTheTermsOfASelector) {
  EXPECT_EQ(SelectorTextOf("label.tier!=test&application=web-*&environment=prod&label.team=infra"),
            "application=web-*,environment=prod,label.team=infra,label.tier!=test");
  EXPECT_EQ(SelectorTextOf("application=a&application=b"), "application=a,application=b");
  EXPECT_EQ(SelectorTextOf("label.team="), "label.team=");
}

TEST(SdQueryTest, NamesAndValuesAreDecodedOnce) {
  EXPECT_EQ(SelectorTextOf("application=a%2Fb+c%2525"), "application=a/b c%25");
  EXPECT_EQ(SelectorTextOf("label%2Eteam%21=a%26b%3Dc"), "label.team!=a&b=c");
  // A comma has no meaning here, but in the normal form.
  EXPECT_EQ(SelectorTextOf("application=a,environment=b"), "application=a\\,environment=b");
}

TEST(SdQueryTest, MetaIsTrueOrFalse) {
  EXPECT_EQ(ParseSdQuery("meta=true")->meta_labels, true);
  EXPECT_EQ(ParseSdQuery("meta=false&application=a")->meta_labels, false);
}

TEST(SdQueryTest, AnythingElseIsRefusedByName) {
  const struct {
    const char* query;
    const char* message;
  } rows[] = {
      {"aplication=web",
       "query parameter \"aplication\": expected application, environment, label.NAME or meta"},
      {"=web", "query parameter \"\": expected application"},
      {"team=infra", "query parameter \"team\""},
      {"meta!=true", "query parameter \"meta\": expected application"},
      {"application", "query parameter \"application\": expected a value"},
      {"meta", "query parameter \"meta\": expected a value"},
      {"meta=yes", "query parameter \"meta\": expected true or false, found \"yes\""},
      {"meta=true&meta=true", "query parameter \"meta\": is given twice"},
      {"application=", "\"application=\": expected a glob"},
      {"label.a-b=c", "label name \"a-b\""},
      {"application=%zz", "query parameter \"application\": percent escape \"%zz\""},
      {"%zz=a", "percent escape \"%zz\""},
      {"application=%FF", "query parameter \"application\": \"\\xff\": must be valid UTF-8"},
  };
  for (const auto& row : rows) {
    const auto parsed = ParseSdQuery(row.query);
    ASSERT_FALSE(parsed) << row.query;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(parsed.error().message, HasSubstr(row.message)) << row.query;
  }
}

TEST(SdQueryTest, MoreTermsThanASelectorHasAreRefused) {
  std::string query;
  for (int i = 0; i < 1000; ++i) query += "application=a&";
  const auto parsed = ParseSdQuery(query);
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr("at most 64"));
}

}  // namespace
}  // namespace target_eye
