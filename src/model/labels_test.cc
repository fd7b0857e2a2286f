#include "model/labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace target_eye {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

TEST(LabelNameTest, PrometheusNamesAreAllowed) {
  for (const char* name : {"a", "Z", "_", "job", "env", "a1", "_1", "snake_case", "__scheme__",
                           "__metrics_path__", "__param_module", "__scrape_interval__"}) {
    EXPECT_TRUE(CheckLabelName(name)) << name;
  }
}

TEST(LabelNameTest, OtherNamesAreRefusedToTheLastByte) {
  for (const std::string_view name :
       {""sv, "1a"sv, "a-b"sv, "a.b"sv, "a b"sv, " a"sv, "a "sv, "a\n"sv, "a\0"sv, "a:b"sv, "<<"sv,
        "caf\xC3\xA9"sv, "\xFF"sv, "a/b"sv, "a@"sv, "a["sv, "a`"sv, "a{"sv}) {
    const auto result = CheckLabelName(name);
    ASSERT_FALSE(result) << Quote(name);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(result.error().message, HasSubstr("label name " + Quote(name)));
    EXPECT_THAT(result.error().message, HasSubstr("[a-zA-Z_][a-zA-Z0-9_]*"));
  }
}

TEST(LabelNameTest, AFirstByteIsALetterOrUnderscoreAndALaterOneAlsoADigit) {
  for (int c = 0; c <= 0xFF; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    const std::string one(1, static_cast<char>(c));
    EXPECT_EQ(CheckLabelName(one).has_value(), letter) << c;
    EXPECT_EQ(CheckLabelName("a" + one).has_value(), letter || digit) << c;
  }
}

TEST(LabelValueTest, AnyUtf8IsAllowed) {
  for (const std::string_view value :
       {"a"sv, " "sv, "1.10"sv, "a\nb"sv, "\0"sv, "\xF0\x9F\x92\xA9"sv}) {
    EXPECT_TRUE(CheckLabelValue("name", value)) << Quote(value);
  }
}

TEST(LabelValueTest, EmptyAndInvalidUtf8AreRefusedWithTheName) {
  for (const std::string_view value : {""sv, "\xFF"sv, "\xED\xA0\x80"sv}) {
    const auto result = CheckLabelValue("zone", value);
    ASSERT_FALSE(result) << Quote(value);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(result.error().message, HasSubstr("label \"zone\""));
  }
}

}  // namespace
}  // namespace target_eye
