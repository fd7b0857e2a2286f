#include "model/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "model/error.h"

namespace target_eye {
namespace {

using namespace std::string_view_literals;

// By the bit patterns of RFC 3629 section 3, without a look at what may be encoded.
std::string Encode(unsigned code_point) {
  const auto tail = [&](unsigned shift) {
    return static_cast<char>(0x80U | ((code_point >> shift) & 0x3FU));
  };
  if (code_point < 0x80) return {static_cast<char>(code_point)};
  if (code_point < 0x800) return {static_cast<char>(0xC0U | (code_point >> 6U)), tail(0)};
  if (code_point < 0x10000) {
    return {static_cast<char>(0xE0U | (code_point >> 12U)), tail(6), tail(0)};
  }
  return {static_cast<char>(0xF0U | (code_point >> 18U)), tail(12), tail(6), tail(0)};
}

TEST(Utf8Test, EveryCodePointButSurrogatesIsValid) {
  for (unsigned c = 0; c <= 0x10FFFF; ++c) {
    const std::string text = Encode(c);
    const bool is_surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(IsValidUtf8(text), !is_surrogate) << c;
    ASSERT_EQ(Utf8CodePointBytes(text), is_surrogate ? 0 : text.size()) << c;
  }
}

TEST(Utf8Test, NothingAboveTheLastCodePointIsValid) {
  for (unsigned c = 0x110000; c <= 0x1FFFFF; c += 0x3F) ASSERT_FALSE(IsValidUtf8(Encode(c))) << c;
}

TEST(Utf8Test, MalformedSequencesAreInvalidWhereverTheyStand) {
  constexpr std::string_view kMalformed[] = {
      "\x80",              // a tail without a lead
      "\xBF\xBF",          //
      "\xC0\x80",          // overlong
      "\xC1\xBF",          //
      "\xE0\x80\x80",      //
      "\xE0\x9F\xBF",      //
      "\xF0\x80\x80\x80",  //
      "\xF0\x8F\xBF\xBF",  //
      "\xF8\x88\x80\x80",  // five bytes, once
      "\xFE",
      "\xFF",          // never
      "\xC3",          // cut off
      "\xE2\x82",      //
      "\xF0\x9F\x92",  //
      "\xC3(",         // a tail is missing
      "\xE2(\xA1",     //
      "\xE2\x82(",     //
  };
  for (const std::string_view bad : kMalformed) {
    for (std::size_t before = 0; before < 18; ++before) {
      const std::string text = std::string(before, 'a') + std::string(bad);
      EXPECT_FALSE(IsValidUtf8(text)) << Quote(text);
      EXPECT_FALSE(IsValidUtf8(text + std::string(9, 'z'))) << Quote(text);
    }
  }
}

TEST(Utf8Test, EmptyTextAndNulAreValid) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("a\0b"sv));
  EXPECT_EQ(Utf8CodePointBytes(""), 0);
}

TEST(QuoteTest, ShortTextIsWholeAndEscaped) {
  EXPECT_EQ(Quote(""), R"("")");
  EXPECT_EQ(Quote("a b"), R"("a b")");
  EXPECT_EQ(Quote(R"(say "\")"), R"("say \"\\\"")");
  EXPECT_EQ(Quote("caf\xC3\xA9"), "\"caf\xC3\xA9\"");
}

TEST(QuoteTest, ControlCharactersAndInvalidBytesAreShownInHex) {
  EXPECT_EQ(Quote("a\r\n\x1B[31m\0"sv), R"("a\x0d\x0a\x1b[31m\x00")");
  EXPECT_EQ(Quote("\x7F"), R"("\x7f")");
  EXPECT_EQ(Quote("\xC2\x9B"), R"("\xc2\x9b")");
  EXPECT_EQ(Quote("\xFFok\xC3"), R"("\xffok\xc3")");
}

TEST(QuoteTest, LongTextIsCutAtACodePoint) {
  const std::string hundred(100, 'a');
  EXPECT_EQ(Quote(hundred), "\"" + hundred + "\"");
  EXPECT_EQ(Quote(hundred + "b"), "\"" + hundred + "\"...");
  const std::string ninety_nine(99, 'a');
  EXPECT_EQ(Quote(ninety_nine + "\xC3\xA9"), "\"" + ninety_nine + "\"...");
}

}  // namespace
}  // namespace target_eye
