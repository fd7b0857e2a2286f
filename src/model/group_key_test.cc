#include "model/group_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <unordered_map>

namespace target_eye {
namespace {

using testing::HasSubstr;

void ExpectRefused(const std::string& application, const std::string& environment,
                   const std::string& message_part) {
  const auto key = GroupKey::Make(application, environment);
  ASSERT_FALSE(key) << Quote(application) << " " << Quote(environment);
  EXPECT_EQ(key.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(key.error().message, HasSubstr(message_part));
}

TEST(GroupKeyTest, AnyPrintableUtf8IsAllowed) {
  for (const char* part :
       {"a", "payments", "dev-hou", "a/b", "..", " ", "--", "caf\xC3\xA9", "\xF0\x9F\x92\xA9"}) {
    const auto key = GroupKey::Make(part, part);
    ASSERT_TRUE(key) << part;
    EXPECT_EQ(key->application, part);
    EXPECT_EQ(key->environment, part);
  }
}

TEST(GroupKeyTest, EmptyPartsAreRefused) {
  ExpectRefused("", "e", "application is empty");
  ExpectRefused("a", "", "environment is empty");
}

TEST(GroupKeyTest, OnlyTheApplicationDashIsReserved) {
  ExpectRefused("-", "healthy", "reserved");
  EXPECT_TRUE(GroupKey::Make("a", "-"));
}

TEST(GroupKeyTest, ControlCharactersAreRefused) {
  for (int c = 0; c <= 0x7F; ++c) {
    const std::string part = "a" + std::string(1, static_cast<char>(c));
    if (c >= 0x20 && c != 0x7F) {
      EXPECT_TRUE(GroupKey::Make(part, "e")) << c;
      EXPECT_TRUE(GroupKey::Make("a", part)) << c;
    } else {
      ExpectRefused(part, "e", "control characters");
      ExpectRefused("a", part, "control characters");
    }
  }
}

TEST(GroupKeyTest, InvalidUtf8IsRefused) {
  ExpectRefused("\xFF", "e", "application \"\\xff\": must be valid UTF-8");
  ExpectRefused("a", "\xED\xA0\x80", "environment");
}

TEST(GroupKeyTest, APartHasAtMost1024Bytes) {
  EXPECT_TRUE(GroupKey::Make(std::string(1024, 'a'), std::string(1024, 'e')));
  ExpectRefused(std::string(1025, 'a'), "e", "at most 1024");
  ExpectRefused("a", std::string(1025, 'e'), "at most 1024");
}

TEST(GroupKeyTest, KeysAreOrderedByApplicationThenEnvironment) {
  EXPECT_LT((GroupKey{"a", "z"}), (GroupKey{"b", "a"}));
  EXPECT_LT((GroupKey{"a", "a"}), (GroupKey{"a", "b"}));
  EXPECT_LT((GroupKey{"a", "bc"}), (GroupKey{"ab", "c"}));
}

TEST(GroupKeyTest, LookUpsNeedNoKeyOfTheirOwn) {
  const std::unordered_map<GroupKey, int, GroupKeyHash, GroupKeyEqual> hashed{
      {{"ab", "c"}, 1}, {{"a", "bc"}, 2}, {{"c", "ab"}, 3}};
  const std::map<GroupKey, int, GroupKeyLess> sorted(hashed.begin(), hashed.end());
  EXPECT_EQ(hashed.find(GroupKeyView{"a", "bc"})->second, 2);
  EXPECT_EQ(hashed.find(GroupKeyView{"abc", ""}), hashed.end());
  EXPECT_EQ(sorted.find(GroupKeyView{"c", "ab"})->second, 3);
}

TEST(GroupKeyTest, HashTellsPartsThatJoinToTheSameText) {
  const GroupKeyHash hash;
  EXPECT_NE(hash({"ab", "c"}), hash({"a", "bc"}));
  EXPECT_NE(hash({"a", "b"}), hash({"b", "a"}));
}

}  // namespace
}  // namespace target_eye
