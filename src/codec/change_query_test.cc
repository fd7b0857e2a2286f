#include "codec/change_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using testing::HasSubstr;

constexpr Method kChanges[] = {Method::kPut, Method::kPost, Method::kDelete};

TEST(ChangeQueryTest, NothingIsAskedByAnEmptyQuery) {
  for (const Method method : kChanges) {
    for (const char* query : {"", "&", "&&"}) {
      const auto parsed = ParseChangeQuery(query, method);
      ASSERT_TRUE(parsed) << query;
      EXPECT_FALSE(parsed->add);
    }
  }
}

TEST(ChangeQueryTest, AddIsTrueUnlessItSaysFalse) {
  for (const char* query :
       {"add", "add=", "add=true", "add=1", "add=True", "&add&", "%61dd", "add=%74rue"}) {
    const auto parsed = ParseChangeQuery(query, Method::kPut);
    ASSERT_TRUE(parsed) << query;
    EXPECT_TRUE(parsed->add) << query;
  }
  for (const char* query : {"add=false", "add=0", "add=FALSE"}) {
    EXPECT_FALSE(ParseChangeQuery(query, Method::kPut)->add) << query;
  }
}

TEST(ChangeQueryTest, AnythingElseIsRefusedByName) {
  const struct {
    const char* query;
    const char* message;
  } rows[] = {
      {"add=yes", R"(query parameter "add": expected true or false, found "yes")"},
      {"add=2", R"(query parameter "add": expected true or false, found "2")"},
      {"add=+true", R"(query parameter "add": expected true or false, found " true")"},
      {"add=%FF", R"(query parameter "add": "\xff": must be valid UTF-8)"},
      {"add&add", R"(query parameter "add": is given twice)"},
      {"add=true&add=false", R"(query parameter "add": is given twice)"},
      {"Add", R"(query parameter "Add": PUT knows no such parameter)"},
      {"add!=true", R"(query parameter "add!": PUT knows no such parameter)"},
      {"=x", R"(query parameter "": PUT knows no such parameter)"},
      {"add;x", R"(query parameter "add;x": PUT knows no such parameter)"},
      {"add&targets=b:1", R"(query parameter "targets": PUT knows no such parameter)"},
      {"%FF", R"(query: "\xff": must be valid UTF-8)"},
      {"%", "query: percent escape"},
  };
  for (const auto& row : rows) {
    const auto parsed = ParseChangeQuery(row.query, Method::kPut);
    ASSERT_FALSE(parsed) << row.query;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(parsed.error().message, HasSubstr(row.message));
  }
}

TEST(ChangeQueryTest, AddIsForPutAlone) {
  for (const auto& [method, name] :
       {std::pair{Method::kPost, "POST"}, {Method::kDelete, "DELETE"}}) {
    const auto parsed = ParseChangeQuery("add", method);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().message,
              std::string(R"(query parameter "add": is for PUT only, not for )") + name);
  }
}

TEST(ChangeQueryTest, WhatBelongsIntoTheBodyIsSentThere) {
  const auto parsed = ParseChangeQuery("targets=b:1", Method::kDelete);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message,
            "query parameter \"targets\": DELETE knows no such parameter; expected targets and "
            "labels in the body, as in: curl -X DELETE -d targets=HOST:PORT -d LABEL=VALUE");
}

}  // namespace
}  // namespace target_eye
