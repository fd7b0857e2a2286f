#include "access/access_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using enum GroupRight;

AccessRules Rules(std::string_view text) {
  // Each name that a test uses has a token.
  const auto file = ParseAccessFile("tokens: {ci: 'sha256:" + std::string(64, '0') +
                                        "', cd: 'sha256:" + std::string(64, '1') + "'}\nrules:\n" +
                                        std::string(text),
                                    "access.yml");
  EXPECT_TRUE(file) << file.error().message;
  return AccessRules(file ? *file : AccessFile{});
}

Caller User(std::string_view name) { return {.user = name, .token = {}}; }
Caller Token(std::string_view name) { return {.user = {}, .token = name}; }
Caller Certificate(const PeerCertificate& certificate) {
  return {.user = {}, .token = {}, .certificate = &certificate};
}

PeerCertificate Named(std::string subject, std::string common_name) {
  PeerCertificate certificate;
  certificate.subject = std::move(subject);
  certificate.common_name = std::move(common_name);
  return certificate;
}

bool Lists(const AccessRules& rules, const Caller& caller, std::string_view application,
           std::string_view environment) {
  return rules.ListedGroups(caller)->Contains({application, environment});
}

TEST(AccessRulesTest, AListShowsWhatItsCallerMayRead) {
  const AccessRules rules = Rules(
      "- {who: token:ci, environments: [prod, 'stag*'], may: read}\n"
      "- {who: token:ci, applications: web, may: write}\n"
      "- {who: user:p, applications: db, pages: sd}\n"
      "- {who: user:all, pages: [metrics, sd]}\n"
      "- {who: user:m, pages: [metrics, reload]}\n");
  EXPECT_TRUE(Lists(rules, Token("ci"), "db", "prod"));
  EXPECT_TRUE(Lists(rules, Token("ci"), "db", "staging"));
  EXPECT_TRUE(Lists(rules, Token("ci"), "web", "dev"));
  EXPECT_FALSE(Lists(rules, Token("ci"), "db", "dev"));
  EXPECT_TRUE(Lists(rules, User("p"), "db", "dev"));
  EXPECT_FALSE(Lists(rules, User("p"), "web", "dev"));
  EXPECT_FALSE(rules.MayUseGroup(User("p"), {"db", "dev"}, kRead));
  EXPECT_TRUE(rules.ListedGroups(User("all"))->is_all());
  EXPECT_TRUE(rules.ListedGroups(User("m"))->is_empty());
  EXPECT_TRUE(rules.ListedGroups(Token("cd"))->is_empty());
  EXPECT_TRUE(rules.ListedGroups({})->is_empty());
}

// Otherwise a Prometheus that lost its login would lose its targets, too.
TEST(AccessRulesTest, WithoutALoginAListNeedsARuleOfItsOwn) {
  const AccessRules reading = Rules(
      "- {who: anyone, applications: public, may: read}\n"
      "- {who: login, environments: prod, may: read}\n");
  EXPECT_TRUE(reading.ListedGroups({})->is_empty());
  EXPECT_TRUE(Lists(reading, User("p"), "public", "dev"));
  EXPECT_TRUE(Lists(reading, User("p"), "web", "prod"));
  const AccessRules listing = Rules("- {who: anyone, applications: public, pages: sd}\n");
  EXPECT_TRUE(Lists(listing, {}, "public", "dev"));
  EXPECT_FALSE(Lists(listing, {}, "web", "dev"));
}

TEST(AccessRulesTest, EveryListedGroupMayBeReadAndTheOtherWayRound) {
  const AccessRules rules = Rules(
      "- {who: [user:a, token:ci], applications: ['w*', db], environments: prod, may: read}\n"
      "- {who: login, applications: api, may: write}\n"
      "- {who: 'certificate:CN=*', environments: dev, may: read}\n");
  const PeerCertificate certificate = Named("CN=x", "x");
  for (const Caller& caller : {User("a"), User("b"), Token("ci"), Certificate(certificate)}) {
    for (const char* application : {"web", "db", "api", "other"}) {
      for (const char* environment : {"prod", "dev"}) {
        EXPECT_EQ(Lists(rules, caller, application, environment),
                  rules.MayUseGroup(caller, {application, environment}, kRead))
            << caller.Name() << ' ' << application << ' ' << environment;
      }
    }
  }
}

TEST(AccessRulesTest, MoreCallersThanSetsAreKeptGetTheirOwn) {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += "- {who: user:u" + std::to_string(i) + ", environments: e" + std::to_string(i) +
            ", may: read}\n";
  }
  const AccessRules rules = Rules(text);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 300; ++i) {
      const std::string name = "u" + std::to_string(i);
      const auto set = rules.ListedGroups(User(name));
      EXPECT_TRUE(set->Contains({"a", "e" + std::to_string(i)}));
      EXPECT_FALSE(set->Contains({"a", "e" + std::to_string(i + 1)}));
      EXPECT_EQ(rules.ListedGroups(User(name)), set);
    }
  }
}

TEST(AccessRulesTest, WhatNoRuleAllowsIsRefused) {
  const AccessRules rules = Rules("  []\n");
  EXPECT_FALSE(rules.MayUseGroup(User("alice"), {"web", "prod"}, kRead));
  EXPECT_FALSE(rules.MayUsePage(User("alice"), AccessPage::kMetrics));
  EXPECT_FALSE(rules.MayUsePage({}, AccessPage::kSd));
}

TEST(AccessRulesTest, RuleAppliesToItsCallersOnly) {
  const AccessRules rules = Rules("- {who: [user:alice, token:ci], may: read}\n");
  EXPECT_TRUE(rules.MayUseGroup(User("alice"), {"web", "prod"}, kRead));
  EXPECT_TRUE(rules.MayUseGroup(Token("ci"), {"web", "prod"}, kRead));
  EXPECT_FALSE(rules.MayUseGroup(User("ci"), {"web", "prod"}, kRead));
  EXPECT_FALSE(rules.MayUseGroup(Token("alice"), {"web", "prod"}, kRead));
  EXPECT_FALSE(rules.MayUseGroup(Token("cd"), {"web", "prod"}, kRead));
  EXPECT_FALSE(rules.MayUseGroup({}, {"web", "prod"}, kRead));
}

TEST(AccessRulesTest, AnyoneIsEverybodyAndLoginWhoProvedSomething) {
  const AccessRules rules =
      Rules("- {who: anyone, may: read}\n- {who: login, may: write, environments: dev}\n");
  const PeerCertificate certificate = Named("CN=a", "a");
  for (const Caller& caller : {User("alice"), Token("ci"), Certificate(certificate)}) {
    EXPECT_TRUE(rules.MayUseGroup(caller, {"web", "prod"}, kRead));
    EXPECT_TRUE(rules.MayUseGroup(caller, {"web", "dev"}, kWrite));
    EXPECT_FALSE(rules.MayUseGroup(caller, {"web", "prod"}, kWrite));
  }
  EXPECT_TRUE(rules.MayUseGroup({}, {"web", "prod"}, kRead));
  EXPECT_FALSE(rules.MayUseGroup({}, {"web", "dev"}, kWrite));
}

TEST(AccessRulesTest, ApplicationAndEnvironmentMustBothMatch) {
  const AccessRules rules = Rules(
      "- {who: anyone, may: write, applications: ['web-*', db], environments: [prod, "
      "'st?ging']}\n");
  EXPECT_TRUE(rules.MayUseGroup({}, {"web-1", "prod"}, kWrite));
  EXPECT_TRUE(rules.MayUseGroup({}, {"db", "staging"}, kWrite));
  EXPECT_FALSE(rules.MayUseGroup({}, {"db2", "prod"}, kWrite));
  EXPECT_FALSE(rules.MayUseGroup({}, {"db", "dev"}, kWrite));
}

TEST(AccessRulesTest, WriteIncludesReadAndReadDoesNotWrite) {
  const AccessRules rules = Rules(
      "- {who: user:r, may: read}\n- {who: user:w, may: write}\n- {who: user:p, pages: metrics}\n");
  EXPECT_TRUE(rules.MayUseGroup(User("r"), {"a", "b"}, kRead));
  EXPECT_FALSE(rules.MayUseGroup(User("r"), {"a", "b"}, kWrite));
  EXPECT_TRUE(rules.MayUseGroup(User("w"), {"a", "b"}, kRead));
  EXPECT_TRUE(rules.MayUseGroup(User("w"), {"a", "b"}, kWrite));
  EXPECT_FALSE(rules.MayUseGroup(User("p"), {"a", "b"}, kRead));
}

TEST(AccessRulesTest, PagesAreOpenedOneByOne) {
  const AccessRules rules = Rules("- {who: user:p, pages: [metrics, sd]}\n");
  EXPECT_TRUE(rules.MayUsePage(User("p"), AccessPage::kMetrics));
  EXPECT_TRUE(rules.MayUsePage(User("p"), AccessPage::kSd));
  EXPECT_FALSE(rules.MayUsePage(User("p"), AccessPage::kReload));
  EXPECT_FALSE(rules.MayUsePage(User("q"), AccessPage::kSd));
}

TEST(AccessRulesTest, CertificateIsKnownByEachOfItsNames) {
  PeerCertificate certificate = Named("CN=ci,O=Example", "ci");
  certificate.dns_names = {"ci.example", "b.example"};
  certificate.uris = {"spiffe://example/ci"};
  certificate.emails = {"ci@example"};
  certificate.addresses = {"10.0.0.1"};
  for (const char* who : {"CN=ci,O=Example", "CN=ci", "DNS:b.example", "URI:spiffe://example/*",
                          "email:ci@example", "IP:10.0.0.1", "DNS:*.example", "*"}) {
    const AccessRules rules = Rules("- {who: 'certificate:" + std::string(who) + "', may: read}\n");
    EXPECT_TRUE(rules.MayUseGroup(Certificate(certificate), {"a", "b"}, kRead)) << who;
    EXPECT_FALSE(rules.MayUseGroup(User(who), {"a", "b"}, kRead)) << who;
  }
  for (const char* who : {"ci", "CN=ci*x", "DNS:ci", "ci.example", "URI:ci.example", "O=Example"}) {
    const AccessRules rules = Rules("- {who: 'certificate:" + std::string(who) + "', may: read}\n");
    EXPECT_FALSE(rules.MayUseGroup(Certificate(certificate), {"a", "b"}, kRead)) << who;
  }
}

// An authority may sign any common name; this one is not that subject.
TEST(AccessRulesTest, CommonNameCannotLookLikeASubject) {
  const AccessRules rules = Rules("- {who: 'certificate:CN=ci,O=Example', may: read}\n");
  const PeerCertificate forged = Named("CN=ci\\,O\\=Example", "ci,O=Example");
  EXPECT_FALSE(rules.MayUseGroup(Certificate(forged), {"a", "b"}, kRead));
}

TEST(AccessRulesTest, CallerIsNamedByTheFirstThingItProved) {
  const PeerCertificate certificate = Named("CN=ci,O=Example", "ci");
  EXPECT_EQ(User("alice").Name(), "user:alice");
  EXPECT_EQ(Token("ci").Name(), "token:ci");
  EXPECT_EQ(Certificate(certificate).Name(), "certificate:CN=ci,O=Example");
  EXPECT_EQ((Caller{.user = "alice", .token = {}, .certificate = &certificate}.Name()),
            "user:alice");
  EXPECT_EQ(Caller().Name(), "");
  EXPECT_EQ(User(std::string(300, 'a')).Name().size(), 256);
}

}  // namespace
}  // namespace target_eye
