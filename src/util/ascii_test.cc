#include "util/ascii.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

TEST(AsciiTest, HexDigitsHaveAValueAndNothingElseHas) {
  int with_value = 0;
  for (int c = -128; c < 128; ++c) with_value += HexValue(static_cast<char>(c)) >= 0 ? 1 : 0;
  EXPECT_EQ(with_value, 22);
  EXPECT_EQ(HexValue('0'), 0);
  EXPECT_EQ(HexValue('9'), 9);
  EXPECT_EQ(HexValue('a'), 10);
  EXPECT_EQ(HexValue('F'), 15);
}

TEST(AsciiTest, OnlyLettersOfAsciiHaveACase) {
  EXPECT_EQ(LowerCase("AZaz09@[`{"), "azaz09@[`{");
  EXPECT_EQ(LowerCase("\xC3\x84"), "\xC3\x84");
  EXPECT_TRUE(EqualsIgnoringCase("Host", "hOST"));
  EXPECT_TRUE(EqualsIgnoringCase("", ""));
  EXPECT_FALSE(EqualsIgnoringCase("Host", "Hos"));
  EXPECT_FALSE(EqualsIgnoringCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoringCase("[", "{"));
}

TEST(AsciiTest, EachTrimTakesItsOwnWhiteSpaceFromBothEndsOnly) {
  EXPECT_EQ(TrimBlanks(" \t a b\n \t"), "a b\n");
  EXPECT_EQ(TrimSpaces("\r\n a b\f \t"), "a b\f");
  EXPECT_EQ(Trim("\f\v a\vb \r\n"), "a\vb");
  for (const std::string_view nothing : {"", " ", " \t "}) {
    EXPECT_EQ(TrimBlanks(nothing), "");
    EXPECT_EQ(TrimSpaces(nothing), "");
    EXPECT_EQ(Trim(nothing), "");
  }
}

}  // namespace
}  // namespace target_eye
