#include "config/setting_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

TEST(SettingValuesTest, BooleansHaveFourWordsEachInAnyCase) {
  for (const char* text : {"true", "True", "YES", "on", "1", " true "}) {
    EXPECT_EQ(ParseBoolean(text), true) << text;
  }
  for (const char* text : {"false", "FALSE", "no", "Off", "0"}) {
    EXPECT_EQ(ParseBoolean(text), false) << text;
  }
  for (const char* text : {"", "2", "t", "truefalse", "none"}) {
    EXPECT_EQ(ParseBoolean(text), std::nullopt) << text;
  }
}

TEST(SettingValuesTest, CountsAreDecimalDigitsOnly) {
  EXPECT_EQ(ParseCount("0"), 0);
  EXPECT_EQ(ParseCount(" 65535 "), 65535);
  EXPECT_EQ(ParseCount("1000000000000000000"), 1'000'000'000'000'000'000);
  for (const char* text : {"", "-1", "+1", "1.5", "1e3", "0x10", "1_000", "1 000",
                           "1000000000000000001", "99999999999999999999999"}) {
    EXPECT_EQ(ParseCount(text), std::nullopt) << text;
  }
}

TEST(SettingValuesTest, BytesMayHaveAUnit) {
  EXPECT_EQ(ParseBytes("1000"), 1000);
  EXPECT_EQ(ParseBytes("64KiB"), 65536);
  EXPECT_EQ(ParseBytes("1 mib"), 1 << 20);
  EXPECT_EQ(ParseBytes("2GiB"), std::int64_t{2} << 30);
  for (const char* text :
       {"", "KiB", "-1", "1KB", "1k", "1.5MiB", "1KiBs", "999999999999999999GiB"}) {
    EXPECT_EQ(ParseBytes(text), std::nullopt) << text;
  }
}

TEST(SettingValuesTest, DurationsAreSecondsUnlessAUnitFollows) {
  EXPECT_EQ(ParseDuration("5"), milliseconds(5000));
  EXPECT_EQ(ParseDuration("2.5"), milliseconds(2500));
  EXPECT_EQ(ParseDuration("0"), milliseconds(0));
  EXPECT_EQ(ParseDuration("0.0004"), milliseconds(0));
  EXPECT_EQ(ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(ParseDuration("5s"), milliseconds(5000));
  EXPECT_EQ(ParseDuration("1 m"), milliseconds(60'000));
  EXPECT_EQ(ParseDuration("1.5H"), milliseconds(5'400'000));
  for (const char* text : {"", ".", "s", "-1", "+1", "1e3", "inf", "nan", "1.2.3", "5 seconds",
                           "1d", "1,5", "99999999999999999999", "9999h"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
  }
}

TEST(SettingValuesTest, AFileModeIsOctal) {
  EXPECT_EQ(ParseOctal("022"), 022);
  EXPECT_EQ(ParseOctal("22"), 022);
  EXPECT_EQ(ParseOctal("0o27"), 027);
  EXPECT_EQ(ParseOctal("0"), 0);
  EXPECT_EQ(ParseOctal("0777"), 0777);
  for (const char* text : {"", "0o", "8", "1000", "00022", "-1", "0x12", "2 2"}) {
    EXPECT_EQ(ParseOctal(text), std::nullopt) << text;
  }
}

TEST(SettingValuesTest, AListIsSeparatedByCommasOrLines) {
  EXPECT_THAT(ParseList("a"), Optional(ElementsAre("a")));
  EXPECT_THAT(ParseList("a, b ,c"), Optional(ElementsAre("a", "b", "c")));
  EXPECT_THAT(ParseList("\na\nb"), Optional(ElementsAre("a", "b")));
  EXPECT_THAT(ParseList("a\nb"), Optional(ElementsAre("a", "b")));
  EXPECT_THAT(ParseList("[::1]:80,[::]:81"), Optional(ElementsAre("[::1]:80", "[::]:81")));
  EXPECT_THAT(ParseList("[::1]"), Optional(ElementsAre("[::1]")));
}

TEST(SettingValuesTest, AListMayBeWrittenAsPythonAndJsonDo) {
  EXPECT_THAT(ParseList(R"(["a", 'b'])"), Optional(ElementsAre("a", "b")));
  EXPECT_THAT(ParseList(R"([ "a,b" , ])"), Optional(ElementsAre("a,b")));
  EXPECT_THAT(ParseList("[]"), Optional(IsEmpty()));
}

TEST(SettingValuesTest, AListHasNoEmptyElements) {
  for (const char* text : {"", ",", "a,", ",a", "a,,b", " , ", R"([""])", R"(["a" "b"])", R"(["a)",
                           R"(["a"x])", R"(["a]"x])"}) {
    EXPECT_EQ(ParseList(text), std::nullopt) << text;
  }
}

TEST(SettingValuesTest, WhatIsShownReadsBackAsTheSame) {
  for (const int ms : {0, 1, 500, 2500, 75'000, 86'400'000}) {
    EXPECT_EQ(ParseDuration(FormatDuration(milliseconds(ms))), milliseconds(ms));
  }
  for (const std::int64_t bytes : {0, 1, 1023, 1024, 1025, 1 << 20, (1 << 20) + 1024, 1 << 30}) {
    EXPECT_EQ(ParseBytes(FormatBytes(bytes)), bytes);
  }
  EXPECT_EQ(FormatDuration(milliseconds(2500)), "2.5");
  EXPECT_EQ(FormatDuration(milliseconds(75'000)), "75");
  EXPECT_EQ(FormatBytes(1 << 20), "1MiB");
}

}  // namespace
}  // namespace target_eye
