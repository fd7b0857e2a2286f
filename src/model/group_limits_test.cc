#include "model/group_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using testing::HasSubstr;

constexpr GroupLimits kLimits{.targets = 2, .labels = 3, .label_bytes = 8};

TargetGroup Group(int targets, Labels labels = {{"env", "e"}, {"job", "j"}}) {
  TargetGroup group;
  for (int i = 0; i < targets; ++i) {
    group.targets.push_back(*Target::Parse("h" + std::to_string(i) + ":1"));
  }
  group.labels = std::move(labels);
  return group;
}

std::string Refused(const TargetGroup* before, const TargetGroup& after) {
  const auto checked = CheckLimits(before, after, kLimits);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalid);
  return checked.error().message;
}

TEST(GroupLimitsTest, AGroupMayReachItsLimits) {
  EXPECT_EQ(Refused(nullptr, Group(2, {{"env", "12345678"}, {"job", "j"}, {"abcdefgh", "x"}})), "");
}

TEST(GroupLimitsTest, OneTargetMoreIsRefused) {
  EXPECT_EQ(Refused(nullptr, Group(3)), "targets: the group would have 3; expected at most 2");
}

TEST(GroupLimitsTest, OneLabelMoreIsRefused) {
  EXPECT_EQ(Refused(nullptr, Group(1, {{"a", "1"}, {"b", "2"}, {"env", "e"}, {"job", "j"}})),
            "labels: the group would have 4; expected at most 3");
}

TEST(GroupLimitsTest, ALongerNameOrValueIsRefused) {
  EXPECT_THAT(Refused(nullptr, Group(1, {{"env", "123456789"}, {"job", "j"}})),
              HasSubstr("label \"env\": its value has 9 bytes; expected at most 8"));
  EXPECT_THAT(Refused(nullptr, Group(1, {{"abcdefghi", "1"}})),
              HasSubstr("label \"abcdefghi\": its name has 9 bytes; expected at most 8"));
}

TEST(GroupLimitsTest, WhatWasThereBeforeTheLimitsCanStay) {
  const Labels many = {{"a", "123456789"}, {"b", "2"}, {"env", "e"}, {"job", "j"}};
  const TargetGroup large = Group(4, many);
  EXPECT_EQ(Refused(&large, Group(3, many)), "");
  EXPECT_EQ(Refused(&large, large), "");
  EXPECT_THAT(Refused(&large, Group(5, many)), HasSubstr("would have 5"));
  Labels longer = many;
  longer["a"] = "1234567890";
  EXPECT_THAT(Refused(&large, Group(4, longer)), HasSubstr("has 10 bytes"));
}

}  // namespace
}  // namespace target_eye
