#include "model/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace target_eye {
namespace {

using ::testing::HasSubstr;

// False if `pattern` is no glob, too.
bool Matches(std::string_view pattern, std::string_view text) {
  const auto glob = Glob::Parse(pattern);
  return glob && glob->Matches(text);
}

TEST(GlobTest, TextWithoutSpecialsMatchesItselfOnly) {
  EXPECT_TRUE(Matches("web", "web"));
  EXPECT_TRUE(Matches("", ""));
  EXPECT_FALSE(Matches("web", "we"));
  EXPECT_FALSE(Matches("web", "web1"));
  EXPECT_FALSE(Matches("web", "Web"));
  EXPECT_FALSE(Matches("", "a"));
  EXPECT_FALSE(Matches("a", ""));
}

TEST(GlobTest, StarMatchesAnythingAndNothing) {
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_TRUE(Matches("*", "a/b.c"));
  EXPECT_TRUE(Matches("web-*", "web-"));
  EXPECT_TRUE(Matches("web-*", "web-1"));
  EXPECT_TRUE(Matches("*-web-*", "a-web-web-b"));
  EXPECT_TRUE(Matches("a*b*c", "a-b-b-c-c"));
  EXPECT_TRUE(Matches("**", "x"));
  EXPECT_FALSE(Matches("web-*", "web"));
  EXPECT_FALSE(Matches("a*b*c", "a-c-b"));
  EXPECT_FALSE(Matches("*a", "ab"));
}

TEST(GlobTest, QuestionMarkIsOneCodePoint) {
  EXPECT_TRUE(Matches("?", "é"));
  EXPECT_TRUE(Matches("a?c",
                      "a\xF0\x9F\x98\x80"
                      "c"));
  EXPECT_FALSE(Matches("?", ""));
  EXPECT_FALSE(Matches("?", "ab"));
  EXPECT_TRUE(Matches("?", "\xFF"));
}

TEST(GlobTest, BracketsAreOneOfTheirs) {
  EXPECT_TRUE(Matches("web[0-9]", "web7"));
  EXPECT_TRUE(Matches("[abc]", "b"));
  EXPECT_TRUE(Matches("[à-ý]", "é"));
  EXPECT_TRUE(Matches("[]]", "]"));
  EXPECT_TRUE(Matches("[-a]", "-"));
  EXPECT_TRUE(Matches("[a-]", "-"));
  EXPECT_TRUE(Matches("[\\]]", "]"));
  EXPECT_TRUE(Matches("[*]", "*"));
  EXPECT_FALSE(Matches("[*]", "a"));
  EXPECT_FALSE(Matches("[0-9]", "a"));
  EXPECT_FALSE(Matches("[a-]", "b"));
}

TEST(GlobTest, NegativeBracketsAreAllOthers) {
  EXPECT_TRUE(Matches("[!a-c]", "d"));
  EXPECT_TRUE(Matches("[^a]", "é"));
  EXPECT_TRUE(Matches("[!]]", "a"));
  EXPECT_FALSE(Matches("[!a-c]", "b"));
  EXPECT_FALSE(Matches("[!]]", "]"));
  EXPECT_FALSE(Matches("[!a]", ""));
}

TEST(GlobTest, BackslashTakesTheMeaningAway) {
  EXPECT_TRUE(Matches("a\\*", "a*"));
  EXPECT_TRUE(Matches("\\[a]", "[a]"));
  EXPECT_TRUE(Matches("\\\\", "\\"));
  EXPECT_FALSE(Matches("a\\*", "ab"));
  EXPECT_FALSE(Matches("\\?", "a"));
}

TEST(GlobTest, AByteThatIsNotUtf8IsOneCodePointThatNothingNames) {
  for (const char* text : {"\xFF", "\xC3", "\x80"}) {
    EXPECT_TRUE(Matches("?", text));
    EXPECT_TRUE(Matches("[!a]", text));
    EXPECT_FALSE(Matches("[a-\U0010FFFF]", text));
    EXPECT_TRUE(Matches("*", text));
  }
  EXPECT_TRUE(Matches("??b",
                      "\xE2\x82"
                      "b"));
}

TEST(GlobTest, WhatStandsBeforeAndBehindTheSpecialsDoesNotOverlap) {
  EXPECT_FALSE(Matches("ab*ba", "aba"));
  EXPECT_TRUE(Matches("ab*ba", "abba"));
  EXPECT_FALSE(Matches("a[b]c", "ac"));
  EXPECT_FALSE(Matches("é*é", "é"));
  EXPECT_TRUE(Matches("é*é", "éé"));
}

TEST(GlobTest, RangesMayOverlap) {
  for (const char* text : {"a", "c", "e", "g"}) {
    EXPECT_TRUE(Matches("[a-ec-gb]", text));
    EXPECT_FALSE(Matches("[!a-ec-gb]", text));
  }
  EXPECT_FALSE(Matches("[a-ec-gb]", "h"));
}

TEST(GlobTest, WhatMatchesOnlyItselfIsAName) {
  for (const auto& [pattern, name] :
       {std::pair("web", "web"), {"", ""}, {"a\\*b", "a*b"}, {"é\\é", "éé"}}) {
    const auto glob = Glob::Parse(pattern);
    ASSERT_TRUE(glob) << pattern;
    EXPECT_TRUE(glob->is_name()) << pattern;
    EXPECT_EQ(glob->name(), name);
  }
  for (const char* pattern : {"*", "?", "[a]", "web*", "*web", "\\**"}) {
    EXPECT_FALSE(Glob::Parse(pattern)->is_name()) << pattern;
  }
}

TEST(GlobTest, WhatIsNoGlobIsRefused) {
  for (const char* pattern : {"a[", "*[a", "[!", "a\\", "[]", "[a-", "[\\", "*[b-a]", "[a-\\"}) {
    EXPECT_FALSE(Glob::Parse(pattern)) << pattern;
  }
}

TEST(GlobTest, ErrorsSayWhatIsWrong) {
  const auto message = [](std::string_view pattern) {
    const auto glob = Glob::Parse(pattern);
    return glob ? std::string() : glob.error().message;
  };
  EXPECT_EQ(message("web-[a-z0-9]?*\\*[!]]"), "");
  EXPECT_THAT(message("web["), HasSubstr("glob \"web[\": a [ has no ]"));
  EXPECT_THAT(message("[z-a]"), HasSubstr("the range z-a runs backwards"));
  EXPECT_THAT(message("a\\"), HasSubstr("ends in a \\"));
  EXPECT_THAT(message("\xFF"), HasSubstr("valid UTF-8"));
  EXPECT_EQ(message(std::string(4096, 'a')), "");
  EXPECT_THAT(message(std::string(4097, 'a')), HasSubstr("has 4097 bytes, at most 4096"));
}

TEST(GlobTest, MoreThan255PartsAreRefusedWhereThereAreSpecials) {
  const std::string most(255, '?');
  EXPECT_TRUE(Matches(most, std::string(255, 'x')));
  EXPECT_FALSE(Matches(most, std::string(254, 'x')));
  EXPECT_TRUE(Matches("*" + std::string(255, 'a'), std::string(256, 'a')));
  for (const std::string& pattern :
       {most + "?", std::string(256, 'a') + "*", "*" + most + "[a]", std::string(255, 'a') + "?"}) {
    const auto glob = Glob::Parse(pattern);
    ASSERT_FALSE(glob) << pattern;
    EXPECT_THAT(glob.error().message, HasSubstr("256 characters, ? and [...], at most 255"));
  }
}

// With backtracking into every star this would take longer than the universe.
TEST(GlobTest, ManyStarsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 250; ++i) pattern += "*a";
  EXPECT_FALSE(Matches(pattern + "*b", std::string(2000, 'a')));
}

// A walk through the brackets for each code point of the text would take minutes.
TEST(GlobTest, ManyRangesTakeNoTime) {
  std::string pattern = "*[";
  for (char32_t c = 0x4E00; pattern.size() < 4090; c += 2) {
    pattern += {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
                static_cast<char>(0x80 | (c & 0x3F))};
  }
  EXPECT_FALSE(Matches(pattern + "]", std::string(2 << 20, 'a')));
}

// By the definition, one code point after the other.
bool NaiveMatches(std::u32string_view pattern, std::u32string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == U'*') {
    return NaiveMatches(pattern.substr(1), text) ||
           (!text.empty() && NaiveMatches(pattern, text.substr(1)));
  }
  if (text.empty()) return false;
  if (pattern[0] == U'?') return NaiveMatches(pattern.substr(1), text.substr(1));
  if (pattern[0] != U'[') {
    pattern.remove_prefix(pattern[0] == U'\\' ? 1 : 0);
    return pattern[0] == text[0] && NaiveMatches(pattern.substr(1), text.substr(1));
  }
  pattern.remove_prefix(1);
  const bool negative = pattern[0] == U'!' || pattern[0] == U'^';
  pattern.remove_prefix(negative ? 1 : 0);
  bool found = false;
  for (bool is_first = true; is_first || pattern[0] != U']'; is_first = false) {
    const auto take = [&] {
      pattern.remove_prefix(pattern[0] == U'\\' ? 1 : 0);
      const char32_t code_point = pattern[0];
      pattern.remove_prefix(1);
      return code_point;
    };
    const char32_t first = take();
    char32_t last = first;
    if (pattern[0] == U'-' && pattern[1] != U']') {
      pattern.remove_prefix(1);
      last = take();
    }
    found = found || (first <= text[0] && text[0] <= last);
  }
  return found != negative && NaiveMatches(pattern.substr(1), text.substr(1));
}

std::string Utf8(std::u32string_view text) {
  std::string bytes;
  for (const char32_t c : text) {
    if (c < 0x80) {
      bytes += static_cast<char>(c);
    } else {  // Those that are used have two bytes.
      bytes += static_cast<char>(0xC0 | (c >> 6));
      bytes += static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return bytes;
}

TEST(GlobTest, RandomGlobsMatchAsTheirDefinitionSays) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto word = [&](std::u32string_view letters, std::size_t most) {
    std::u32string text(random() % most, U'a');
    for (char32_t& c : text) c = letters[random() % letters.size()];
    return text;
  };
  int globs = 0;
  int matches = 0;
  for (int i = 0; i < 60'000; ++i) {
    // More parts than one word has bits.
    const std::size_t more = i % 3 == 0 ? 70 : 0;
    const std::u32string pattern =
        std::u32string(more, U'?') +
        word(i % 2 == 0 ? U"aab*?*é" : U"ab*?*[]]![^-é\\", i % 2 == 0 ? 9 : 12);
    const auto glob = Glob::Parse(Utf8(pattern));
    if (!glob) continue;
    ++globs;
    for (int n = 0; n < 4; ++n) {
      const std::u32string text = std::u32string(more, U'b') + word(U"abbéè", 8);
      const bool expected = NaiveMatches(pattern, text);
      matches += expected ? 1 : 0;
      ASSERT_EQ(glob->Matches(Utf8(text)), expected) << Utf8(pattern) << " " << Utf8(text);
    }
  }
  EXPECT_GT(globs, 30'000);
  EXPECT_GT(matches, 3'000);
}

}  // namespace
}  // namespace target_eye
