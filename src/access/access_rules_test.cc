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
