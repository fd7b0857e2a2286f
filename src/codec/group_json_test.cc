#include "codec/group_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>

namespace target_eye {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;
using namespace std::string_view_literals;

TargetGroup Group(std::initializer_list<const char*> targets, Labels labels) {
  TargetGroup group;
  for (const char* target : targets) group.targets.push_back(Target::Parse(target).value());
  group.labels = std::move(labels);
  return group;
}

TEST(EncodeGroupTest, AGroupIsOneLineWithTargetsInOrderAndLabelsByName) {
  EXPECT_EQ(EncodeGroup(Group({"b:2", "a:1"}, {{"job", "j"}, {"env", "e"}})),
            R"({"targets":["b:2","a:1"],"labels":{"env":"e","job":"j"}})");
  EXPECT_EQ(EncodeGroup(Group({"[::1]:1"}, {})), R"({"targets":["[::1]:1"],"labels":{}})");
  EXPECT_EQ(EncodeGroup({}), R"({"targets":[],"labels":{}})");
}

TEST(EncodeGroupTest, QuotesBackslashesAndControlCharactersAreEscaped) {
  EXPECT_EQ(EncodeGroup(Group({}, {{"a", "\"\\/\b\f\n\r\t\x1F\x7F\0"s + "\xC3\xA9\xE2\x80\xA8<"}})),
            "{\"targets\":[],\"labels\":{\"a\":\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u001f\x7F\\u0000"
            "\xC3\xA9\xE2\x80\xA8<\"}}");
}

TEST(EncodeGroupTest, EveryAsciiCharacterReadsBackByAnotherReader) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string value = "x" + std::string(1, static_cast<char>(c)) + "y";
    const std::string json = EncodeGroup(Group({"a:1"}, {{"l", value}}));
    // JSON is YAML.
    EXPECT_EQ(YAML::Load(json)["labels"]["l"].as<std::string>(), value) << c;
  }
}

TEST(DecodeStoredGroupTest, WhatWasEncodedComesBack) {
  for (const TargetGroup& group :
       {TargetGroup{}, Group({"a:1"}, {{"env", "e"}, {"job", "j"}}),
        Group({"b:2", "a:1", "[::1]:1"}, {{"a", "\0\n\"\\\x1F"s}, {"b", "\xF0\x9F\x92\xA9"}})}) {
    const auto decoded = DecodeStoredGroup(EncodeGroup(group));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, group);
  }
}

TEST(EncodedGroupBytesTest, IsTheSizeOfTheText) {
  std::string every_byte;
  for (int byte = 0; byte < 0x80; ++byte) every_byte += static_cast<char>(byte);
  for (const TargetGroup& group :
       {TargetGroup{}, Group({"a:1"}, {{"env", "e"}}), Group({"a:1", "b:2"}, {}),
        Group({"b:2", "a:1", "[::1]:1"}, {{"a", every_byte}, {"b", "\xF0\x9F\x92\xA9"}})}) {
    EXPECT_EQ(EncodedGroupBytes(group), EncodeGroup(group).size()) << EncodeGroup(group);
    EXPECT_EQ(EncodedLabelsBytes(group.labels),
              EncodedGroupBytes({{}, group.labels}) - EncodedGroupBytes({{}, {}}) + 2);
  }
}

TEST(DecodeStoredGroupTest, AnythingElseIsDamaged) {
  for (const std::string_view json :
       {""sv, "{}"sv, "[]"sv, "null"sv, R"({"targets":[]})"sv, R"({"labels":{}})"sv,
        R"({"targets":[],"labels":{})"sv, R"({"targets":[],"labels":{}}x)"sv,
        R"({"targets":[],"labels":{},"x":1})"sv, R"({"targets":[1],"labels":{}})"sv,
        R"({"targets":[],"labels":{"a":""}})"sv, "{\"targets\":[\"\xFF\"],\"labels\":{}}"sv}) {
    const auto decoded = DecodeStoredGroup(json);
    ASSERT_FALSE(decoded) << json;
    EXPECT_EQ(decoded.error().code, ErrorCode::kDamaged) << json;
    EXPECT_THAT(decoded.error().message, HasSubstr("stored group"));
  }
}

TEST(DecodeFileSdTest, AListOfGroupsIsRead) {
  const auto groups = DecodeFileSd(R"([
    {"targets": ["a:1", "b:2"], "labels": {"job": "j", "env": "e"}},
    {"labels": {"zone": "x"}, "targets": []},
    {"targets": ["c:3"]}
  ])");
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_THAT(*groups, testing::ElementsAre(Group({"a:1", "b:2"}, {{"job", "j"}, {"env", "e"}}),
                                            Group({}, {{"zone", "x"}}), Group({"c:3"}, {})));
}

TEST(DecodeFileSdTest, AnEmptyListHasNoGroups) {
  const auto groups = DecodeFileSd("[]");
  ASSERT_TRUE(groups);
  EXPECT_TRUE(groups->empty());
}

TEST(DecodeFileSdTest, ATargetRepeatedInAGroupIsKeptOnce) {
  const auto groups = DecodeFileSd(R"([{"targets":["b:2","a:1","b:2"]},{"targets":["b:2"]}])");
  ASSERT_TRUE(groups);
  EXPECT_THAT(*groups, testing::ElementsAre(Group({"b:2", "a:1"}, {}), Group({"b:2"}, {})));
}

TEST(DecodeFileSdTest, AnythingElseIsInvalidAndNamed) {
  const struct {
    std::string_view json;
    const char* message_part;
  } rows[] = {
      {"", "not valid JSON"},
      {"[", "not valid JSON"},
      {"[]x", "not valid JSON"},
      {"{}", "expected a list of groups, found an object"},
      {"null", "expected a list of groups, found null"},
      {"[null]", "group 1: expected an object with targets and labels, found null"},
      {R"([{"targets":[]},[]])",
       "group 2: expected an object with targets and labels, found a list"},
      {R"(["a:1"])", "group 1: expected an object with targets and labels, found a string"},
      {"[{}]", "group 1: has no targets"},
      {R"([{"targets":["a:1"]},{"labels":{"a":"b"}}])", "group 2: has no targets"},
      {R"([{"targets":["a:0"]}])", "target \"a:0\""},
      {R"([{"targets":[],"labels":{"a":1}}])", "label \"a\": expected a string, found a number"},
      {R"([{"targets":[],"labels":{"a":""}}])", "label \"a\": value is empty"},
      {R"([{"targets":[],"labels":{"a-b":"c"}}])", "label name \"a-b\""},
      {R"([{"targets":[],"source":"x"}])", "unknown key \"source\""},
      {R"([{"targets":[],"targets":[]}])", "given twice"},
  };
  for (const auto& row : rows) {
    const auto groups = DecodeFileSd(row.json);
    ASSERT_FALSE(groups) << row.json;
    EXPECT_EQ(groups.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(groups.error().message, HasSubstr(row.message_part)) << row.json;
  }
}

}  // namespace
}  // namespace target_eye
