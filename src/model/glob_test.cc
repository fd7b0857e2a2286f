#include "model/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace target_eye {
namespace {

using ::testing::HasSubstr;

TEST(GlobTest, TextWithoutSpecialsMatchesItselfOnly) {
  EXPECT_TRUE(GlobMatches("web", "web"));
  EXPECT_TRUE(GlobMatches("", ""));
  EXPECT_FALSE(GlobMatches("web", "we"));
  EXPECT_FALSE(GlobMatches("web", "web1"));
  EXPECT_FALSE(GlobMatches("web", "Web"));
  EXPECT_FALSE(GlobMatches("", "a"));
  EXPECT_FALSE(GlobMatches("a", ""));
}

TEST(GlobTest, StarMatchesAnythingAndNothing) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("*", "a/b.c"));
  EXPECT_TRUE(GlobMatches("web-*", "web-"));
  EXPECT_TRUE(GlobMatches("web-*", "web-1"));
  EXPECT_TRUE(GlobMatches("*-web-*", "a-web-web-b"));
  EXPECT_TRUE(GlobMatches("a*b*c", "a-b-b-c-c"));
  EXPECT_TRUE(GlobMatches("**", "x"));
  EXPECT_FALSE(GlobMatches("web-*", "web"));
  EXPECT_FALSE(GlobMatches("a*b*c", "a-c-b"));
  EXPECT_FALSE(GlobMatches("*a", "ab"));
}

TEST(GlobTest, QuestionMarkIsOneCodePoint) {
  EXPECT_TRUE(GlobMatches("?", "é"));
  EXPECT_TRUE(GlobMatches("a?c",
                          "a\xF0\x9F\x98\x80"
                          "c"));
  EXPECT_FALSE(GlobMatches("?", ""));
  EXPECT_FALSE(GlobMatches("?", "ab"));
  EXPECT_TRUE(GlobMatches("?", "\xFF"));
}

TEST(GlobTest, BracketsAreOneOfTheirs) {
  EXPECT_TRUE(GlobMatches("web[0-9]", "web7"));
  EXPECT_TRUE(GlobMatches("[abc]", "b"));
  EXPECT_TRUE(GlobMatches("[à-ý]", "é"));
  EXPECT_TRUE(GlobMatches("[]]", "]"));
  EXPECT_TRUE(GlobMatches("[-a]", "-"));
  EXPECT_TRUE(GlobMatches("[a-]", "-"));
  EXPECT_TRUE(GlobMatches("[\\]]", "]"));
  EXPECT_TRUE(GlobMatches("[*]", "*"));
  EXPECT_FALSE(GlobMatches("[*]", "a"));
  EXPECT_FALSE(GlobMatches("[0-9]", "a"));
  EXPECT_FALSE(GlobMatches("[a-]", "b"));
}

TEST(GlobTest, NegativeBracketsAreAllOthers) {
  EXPECT_TRUE(GlobMatches("[!a-c]", "d"));
  EXPECT_TRUE(GlobMatches("[^a]", "é"));
  EXPECT_TRUE(GlobMatches("[!]]", "a"));
  EXPECT_FALSE(GlobMatches("[!a-c]", "b"));
  EXPECT_FALSE(GlobMatches("[!]]", "]"));
  EXPECT_FALSE(GlobMatches("[!a]", ""));
}

TEST(GlobTest, BackslashTakesTheMeaningAway) {
  EXPECT_TRUE(GlobMatches("a\\*", "a*"));
  EXPECT_TRUE(GlobMatches("\\[a]", "[a]"));
  EXPECT_TRUE(GlobMatches("\\\\", "\\"));
  EXPECT_FALSE(GlobMatches("a\\*", "ab"));
  EXPECT_FALSE(GlobMatches("\\?", "a"));
}

TEST(GlobTest, WhatIsNoGlobMatchesNothing) {
  for (const char* pattern : {"a[", "*[a", "[!", "a\\", "[]", "[a-", "[\\", "*[b-a]"}) {
    EXPECT_FALSE(CheckGlob(pattern)) << pattern;
    for (const char* text : {"", "a", "a[", "a\\", "[a", "[]", "b"}) {
      EXPECT_FALSE(GlobMatches(pattern, text)) << pattern << " on " << text;
    }
  }
}

TEST(GlobTest, ErrorsSayWhatIsWrong) {
  const auto message = [](std::string_view pattern) {
    const auto ok = CheckGlob(pattern);
    return ok ? std::string() : ok.error().message;
  };
  EXPECT_EQ(message("web-[a-z0-9]?*\\*[!]]"), "");
  EXPECT_THAT(message("web["), HasSubstr("glob \"web[\": a [ has no ]"));
  EXPECT_THAT(message("[z-a]"), HasSubstr("the range z-a runs backwards"));
  EXPECT_THAT(message("a\\"), HasSubstr("ends in a \\"));
  EXPECT_THAT(message("\xFF"), HasSubstr("valid UTF-8"));
  EXPECT_EQ(message(std::string(4096, 'a')), "");
  EXPECT_THAT(message(std::string(4097, 'a')), HasSubstr("has 4097 bytes, at most 4096"));
}

// With backtracking into every star this would take longer than the universe.
TEST(GlobTest, ManyStarsTakeNoTime) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  EXPECT_FALSE(GlobMatches(pattern + "*b", std::string(2000, 'a')));
}

// By the definition, one character after the other.
bool NaiveMatches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return NaiveMatches(pattern.substr(1), text) ||
           (!text.empty() && NaiveMatches(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         NaiveMatches(pattern.substr(1), text.substr(1));
}

TEST(GlobTest, RandomGlobsMatchAsTheirDefinitionSays) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto word = [&](std::string_view letters) {
    std::string text(random() % 9, 'a');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = word("ab*?*");
    const std::string text = word("ab");
    ASSERT_EQ(GlobMatches(pattern, text), NaiveMatches(pattern, text)) << pattern << " " << text;
  }
}

}  // namespace
}  // namespace target_eye
