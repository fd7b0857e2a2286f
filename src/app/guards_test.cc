#include "app/guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace target_eye {
namespace {

using testing::AllOf;
using testing::HasSubstr;

Guards Everything() {
  return {.web_config = "web.yml",
          .access_file = "access.yml",
          .web_config_defines_something = true,
          .has_tls = true,
          .has_users = true,
          .has_rules = true,
          .demands_certificates = true,
          .checks_certificates = true,
          .limits_names = true,
          .writable_by_all = {}};
}

TEST(CheckReloadTest, TheSameGuardsPass) {
  EXPECT_TRUE(CheckReload(Everything(), Everything()));
  EXPECT_TRUE(CheckReload(Guards{}, Guards{}));
}

TEST(CheckReloadTest, EachGuardThatIsGoneIsNamedWithItsFileAndTheWayOn) {
  const std::pair<bool Guards::*, std::pair<const char*, const char*>> gone[] = {
      {&Guards::web_config_defines_something, {"web.yml: ", "defines nothing"}},
      {&Guards::has_users, {"web.yml: ", "basic_auth_users"}},
      {&Guards::has_rules, {"access.yml: ", "rules"}},
      {&Guards::has_tls, {"web.yml: ", "tls_server_config"}},
      {&Guards::demands_certificates, {"web.yml: ", "client_auth_type"}},
      {&Guards::checks_certificates, {"web.yml: ", "client_auth_type"}},
      {&Guards::limits_names, {"web.yml: ", "client_allowed_sans"}},
  };
  for (const auto& [guard, words] : gone) {
    Guards now = Everything();
    now.*guard = false;
    const auto checked = CheckReload(Everything(), now);
    ASSERT_FALSE(checked) << words.second;
    EXPECT_THAT(checked.error().message,
                AllOf(testing::StartsWith(words.first), HasSubstr(words.second),
                      HasSubstr("restart target-eye")));
    // What never was there is not missed.
    EXPECT_TRUE(CheckReload(now, now)) << words.second;
  }
}

TEST(CheckReloadTest, MoreGuardsPassExceptTls) {
  Guards without_tls = Everything();
  without_tls.has_tls = false;
  EXPECT_FALSE(CheckReload(without_tls, Everything()));
  Guards with_tls_only;
  with_tls_only.has_tls = true;
  EXPECT_TRUE(CheckReload(with_tls_only, Everything()));
}

TEST(CheckReloadTest, AFileThatBecameWritableByAllIsRefusedAndOneThatWasPasses) {
  Guards writable = Everything();
  writable.writable_by_all = {"access.yml"};
  const auto checked = CheckReload(Everything(), writable);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error().message, HasSubstr("chmod o-w access.yml"));
  EXPECT_TRUE(CheckReload(writable, writable));
  EXPECT_TRUE(CheckReload(writable, Everything()));
}

}  // namespace
}  // namespace target_eye
