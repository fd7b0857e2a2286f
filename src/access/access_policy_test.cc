#include "access/access_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace target_eye {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

WebConfig Web(std::initializer_list<std::string> names) {
  WebConfig config;
  config.name = "web.yml";
  for (const std::string& name : names) config.users.push_back({name, "hash of " + name});
  return config;
}

AccessFile Access(std::string_view text) {
  auto file = ParseAccessFile(text, "access.yml");
  EXPECT_TRUE(file) << file.error().message;
  return file ? *std::move(file) : AccessFile{};
}

Caller User(std::string_view name) { return {.user = name, .token = {}}; }

TEST(AccessPolicyTest, WithoutUsersAndRulesEverythingIsOpen) {
  const WebConfig web = Web({});
  EXPECT_EQ(AccessPolicy::Make(nullptr, nullptr, false).value(), nullptr);
  EXPECT_EQ(AccessPolicy::Make(&web, nullptr, true).value(), nullptr);
}

TEST(AccessPolicyTest, WithoutRulesEveryUserMayEverythingAndNobodyElseAnything) {
  const WebConfig web = Web({"alice"});
  const auto policy = AccessPolicy::Make(&web, nullptr, true).value();
  EXPECT_TRUE(policy->MayUseGroup(User("alice"), {"a", "b"}, GroupRight::kWrite));
  EXPECT_TRUE(policy->MayUsePage(User("alice"), AccessPage::kReload));
  const PeerCertificate certificate;
  for (const Caller& caller :
       {Caller{}, Caller{.user = {}, .token = {}, .certificate = &certificate}}) {
    EXPECT_FALSE(policy->MayUseGroup(caller, {"a", "b"}, GroupRight::kRead));
    EXPECT_FALSE(policy->MayUsePage(caller, AccessPage::kMetrics));
    EXPECT_FALSE(policy->IsLoggedIn(caller));
  }
}

TEST(AccessPolicyTest, WithRulesTheyAloneDecide) {
  const WebConfig web = Web({"alice", "bob"});
  const AccessFile access = Access("rules: [{who: user:alice, may: read}]");
  const auto policy = AccessPolicy::Make(&web, &access, false).value();
  EXPECT_TRUE(policy->MayUseGroup(User("alice"), {"a", "b"}, GroupRight::kRead));
  EXPECT_FALSE(policy->MayUseGroup(User("alice"), {"a", "b"}, GroupRight::kWrite));
  EXPECT_FALSE(policy->MayUseGroup(User("bob"), {"a", "b"}, GroupRight::kRead));
  EXPECT_TRUE(policy->IsLoggedIn(User("bob")));
}

TEST(AccessPolicyTest, RuleForWhoDoesNotExistIsRefusedWithItsLine) {
  const WebConfig web = Web({"alice"});
  const auto error = [](const WebConfig* config, std::string_view who) {
    const AccessFile access = Access("rules:\n  - may: read\n    who: " + std::string(who) + "\n");
    const auto policy = AccessPolicy::Make(config, &access, false);
    return policy ? std::string() : policy.error().message;
  };
  EXPECT_EQ(error(&web, "user:alice"), "");
  EXPECT_EQ(error(&web, "user:bob"),
            "access.yml:3: who: user \"bob\": there is none; expected one of basic_auth_users of "
            "web.yml");
  EXPECT_THAT(error(nullptr, "user:alice"), StartsWith("access.yml:3: who: user \"alice\""));
  EXPECT_THAT(
      error(&web, "certificate:*"),
      HasSubstr("access.yml:3: who: certificate \"*\": no client certificates are checked"));
  EXPECT_EQ(error(&web, "login"), "");
  EXPECT_THAT(error(nullptr, "login"), HasSubstr("access.yml:3: who: login: nobody can log in"));
  EXPECT_EQ(error(nullptr, "anyone"), "");
}

TEST(AccessPolicyTest, TokensAreFoundByTheirDigest) {
  const AccessFile access = Access(
      "tokens: {ci: 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'}");
  const auto policy = AccessPolicy::Make(nullptr, &access, false).value();
  const std::string* name = policy->FindToken(Sha256("abc"));
  ASSERT_NE(name, nullptr);
  EXPECT_EQ(*name, "ci");
  EXPECT_EQ(policy->FindToken(Sha256("abd")), nullptr);
}

TEST(AccessPolicyTest, DecoyOfANameIsAlwaysTheSameAndAnyUser) {
  const WebConfig web = Web({"a", "b", "c", "d"});
  const auto policy = AccessPolicy::Make(&web, nullptr, false).value();
  const auto after_restart = AccessPolicy::Make(&web, nullptr, false).value();
  std::set<std::string> decoys;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "nobody" + std::to_string(i);
    EXPECT_EQ(policy->FindUser(name), nullptr);
    EXPECT_EQ(policy->Decoy(name).name, after_restart->Decoy(name).name);
    decoys.insert(policy->Decoy(name).name);
  }
  EXPECT_EQ(decoys.size(), 4);
}

}  // namespace
}  // namespace target_eye
