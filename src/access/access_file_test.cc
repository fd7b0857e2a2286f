#include "access/access_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Kind = AccessFile::Who::Kind;
using May = AccessFile::May;

// Of "abc" (FIPS 180-4).
constexpr std::string_view kAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string ErrorOf(std::string_view text) {
  const auto file = ParseAccessFile(text, "access.yml");
  return file ? std::string() : file.error().message;
}

std::string RuleError(std::string_view rule) {
  return ErrorOf("rules:\n  - {" + std::string(rule) + "}\n");
}

TEST(AccessFileTest, EveryKeyIsRead) {
  const auto file = ParseAccessFile(
      "tokens:\n"
      "  ci: sha256:" +
          std::string(kAbc) +
          "\n"
          "rules:\n"
          "  - who: token:ci\n"
          "    applications: web-*\n"
          "    environments: [prod, staging]\n"
          "    may: write\n"
          "  - who: [user:prometheus, anyone, login, 'certificate:CN=*']\n"
          "    pages: [metrics, sd, reload]\n"
          "    may: read\n",
      "access.yml");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_THAT(file->tokens, SizeIs(1));
  EXPECT_EQ(file->tokens[0].name, "ci");
  EXPECT_EQ(file->tokens[0].digest, Sha256("abc"));
  ASSERT_THAT(file->rules, SizeIs(2));
  const AccessFile::Rule& first = file->rules[0];
  EXPECT_EQ(first.line, 4);
  ASSERT_THAT(first.who, SizeIs(1));
  EXPECT_EQ(first.who[0].kind, Kind::kToken);
  EXPECT_EQ(first.who[0].text, "ci");
  EXPECT_THAT(first.applications, ElementsAre("web-*"));
  EXPECT_THAT(first.environments, ElementsAre("prod", "staging"));
  EXPECT_EQ(first.may, May::kWrite);
  EXPECT_THAT(first.pages, IsEmpty());
  const AccessFile::Rule& second = file->rules[1];
  ASSERT_THAT(second.who, SizeIs(4));
  EXPECT_EQ(second.who[0].kind, Kind::kUser);
  EXPECT_EQ(second.who[1].kind, Kind::kAnyone);
  EXPECT_EQ(second.who[2].kind, Kind::kLogin);
  EXPECT_EQ(second.who[3].kind, Kind::kCertificate);
  EXPECT_EQ(second.who[3].text, "CN=*");
  EXPECT_THAT(second.applications, ElementsAre("*"));
  EXPECT_THAT(second.environments, ElementsAre("*"));
  EXPECT_EQ(second.may, May::kRead);
  EXPECT_THAT(second.pages,
              ElementsAre(AccessPage::kMetrics, AccessPage::kSd, AccessPage::kReload));
}

TEST(AccessFileTest, NothingIsNoRule) {
  const auto file = ParseAccessFile("", "access.yml");
  ASSERT_TRUE(file);
  EXPECT_THAT(file->rules, IsEmpty());
}

TEST(AccessFileTest, WrongKeysAndTypesAreNamedWithFileAndLine) {
  EXPECT_EQ(ErrorOf("role: {}\n"),
            "access.yml:1: access file: unknown key \"role\"; expected one of tokens, rules");
  EXPECT_THAT(ErrorOf("rules:\n  - who: anyone\n    mai: read\n"),
              StartsWith("access.yml:3: rule: unknown key \"mai\"; expected one of who, "));
  EXPECT_THAT(ErrorOf("rules:\n  - who: anyone\n    may: read\n    may: write\n"),
              StartsWith("access.yml:4: key \"may\": is here twice"));
  EXPECT_EQ(ErrorOf("rules: {}\n"), "access.yml:1: rules: expected a list, found a map");
  EXPECT_EQ(ErrorOf("rules:\n  - anyone\n"), "access.yml:2: rule: expected a map, found text");
  EXPECT_EQ(RuleError("who: anyone, may: admin"),
            "access.yml:2: may: \"admin\"; expected read or write");
  EXPECT_EQ(RuleError("who: anyone, pages: [ready]"),
            "access.yml:2: pages: \"ready\"; expected metrics, sd or reload");
  EXPECT_EQ(RuleError("who: everyone, may: read"),
            "access.yml:2: who: \"everyone\"; expected user:NAME, token:NAME, certificate:GLOB, "
            "login or anyone");
  EXPECT_THAT(RuleError("who: 'user:', may: read"), HasSubstr("who: \"user:\"; expected"));
}

TEST(AccessFileTest, RuleThatCannotApplyIsRefused) {
  EXPECT_THAT(RuleError("may: read"), HasSubstr("access.yml:2: rule: says not who"));
  EXPECT_THAT(RuleError("who: [], may: read"), HasSubstr("who: is an empty list"));
  EXPECT_THAT(RuleError("who: anyone"), HasSubstr("rule: allows nothing"));
  EXPECT_THAT(RuleError("who: anyone, may: read, applications: []"),
              HasSubstr("applications: is an empty list"));
  EXPECT_THAT(RuleError("who: anyone, may: read, applications: ''"),
              HasSubstr("\"\" matches nothing"));
  EXPECT_THAT(RuleError("who: anyone, pages: [metrics, reload], environments: prod"),
              HasSubstr("of no use without may; expected may: read or write, or pages: sd"));
  EXPECT_THAT(RuleError("who: anyone, may: read, environments: 'a['"),
              HasSubstr("access.yml:2: environments: glob \"a[\": a [ has no ]"));
  EXPECT_THAT(RuleError("who: 'certificate:[b-a]', may: read"), HasSubstr("runs backwards"));
  EXPECT_THAT(RuleError("who: token:cd, may: read"),
              HasSubstr("access.yml:2: who: token \"cd\": there is none"));
}

// It would mean all of them otherwise.
TEST(AccessFileTest, KeyOfARuleWithoutValueIsRefused) {
  EXPECT_EQ(ErrorOf("rules:\n  - who: anyone\n    may: write\n    applications:\n"),
            "access.yml:4: applications: expected a value, found nothing");
}

TEST(AccessFileTest, TokenThatIsNoHashIsRefusedAndNotShown) {
  const auto token = [](std::string_view value) {
    return ErrorOf("tokens:\n  ci: " + std::string(value) + "\n");
  };
  EXPECT_EQ(token("hunter2"),
            "access.yml:2: tokens: \"ci\": expected sha256: and 64 hex digits, as from printf %s "
            "TOKEN | sha256sum");
  EXPECT_THAT(token(kAbc), HasSubstr("expected sha256:"));
  EXPECT_THAT(token("sha256:" + std::string(kAbc.substr(1))), HasSubstr("expected sha256:"));
  EXPECT_THAT(token("sha256:g" + std::string(kAbc.substr(1))), HasSubstr("expected sha256:"));
  EXPECT_EQ(ErrorOf("tokens:\n  a: sha256:" + std::string(kAbc) +
                    "\n  b: sha256:" + std::string(kAbc) + "\n"),
            "access.yml:3: tokens: \"b\": is the same token as \"a\"; expected one of its own");
}

TEST(AccessFileTest, TooManyAreRefused) {
  std::string rules = "rules:\n";
  for (int i = 0; i < 10'001; ++i) rules += "- {who: anyone, may: read}\n";
  EXPECT_THAT(ErrorOf(rules), HasSubstr("rules: are 10001, at most 10000"));
  std::string who = "rules:\n- may: read\n  who:\n";
  for (int i = 0; i < 1'001; ++i) who += "  - anyone\n";
  EXPECT_THAT(ErrorOf(who), HasSubstr("who: are 1001, at most 1000 are allowed in one rule"));
}

}  // namespace
}  // namespace target_eye
