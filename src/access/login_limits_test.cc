#include "access/login_limits.h"

#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using std::chrono::seconds;

const SteadyTime kStart = SteadyTime() + std::chrono::hours(1);

TEST(LoginLimitsTest, TenFailuresAtOnceThenOneInFiveSeconds) {
  LoginLimits limits;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(limits.Wait("a", kStart), seconds(0)) << i;
    limits.Fail("a", kStart);
  }
  EXPECT_EQ(limits.Wait("a", kStart), seconds(5));
  EXPECT_EQ(limits.Wait("a", kStart + seconds(3)), seconds(2));
  EXPECT_EQ(limits.Wait("a", kStart + seconds(5)), seconds(0));
  limits.Fail("a", kStart + seconds(5));
  EXPECT_EQ(limits.Wait("a", kStart + seconds(5)), seconds(5));
  EXPECT_EQ(limits.Wait("b", kStart), seconds(0));
}

TEST(LoginLimitsTest, AFullBucketHoldsNoMore) {
  LoginLimits limits;
  limits.Fail("a", kStart);
  const SteadyTime later = kStart + std::chrono::hours(10);
  for (int i = 0; i < 10; ++i) limits.Fail("a", later);
  EXPECT_EQ(limits.Wait("a", later), seconds(5));
}

TEST(LoginLimitsTest, FailuresBeyondTheLastDoNotLengthenTheWait) {
  LoginLimits limits;
  for (int i = 0; i < 1000; ++i) limits.Fail("a", kStart);
  EXPECT_EQ(limits.Wait("a", kStart), seconds(5));
}

TEST(LoginLimitsTest, ClientsAreBoundedAndThoseThatRestedAreForgotten) {
  LoginLimits limits;
  for (std::size_t i = 0; i < LoginLimits::kMostClients; ++i) {
    limits.Fail("old" + std::to_string(i), kStart);
  }
  EXPECT_EQ(limits.size(), LoginLimits::kMostClients);
  limits.Fail("new", kStart + seconds(5));
  EXPECT_EQ(limits.size(), 1);
}

TEST(LoginLimitsTest, ClientIsItsAddressWithoutThePort) {
  EXPECT_EQ(LoginClient("127.0.0.1:4711"), "127.0.0.1");
  EXPECT_EQ(LoginClient("unix"), "unix");
  EXPECT_EQ(LoginClient("[::ffff:10.0.0.1]:80"), "10.0.0.1");
}

TEST(LoginLimitsTest, Ipv6NetworkOfSixtyFourBitsIsOneClient) {
  EXPECT_EQ(LoginClient("[2001:db8:1:2:3:4:5:6]:80"), "2001:db8:1:2::");
  EXPECT_EQ(LoginClient("[2001:db8:1:2::9]:81"), "2001:db8:1:2::");
  EXPECT_NE(LoginClient("[2001:db8:1:3::9]:81"), "2001:db8:1:2::");
  EXPECT_EQ(LoginClient("[fe80::1%eth0]:80"), "fe80::");
}

}  // namespace
}  // namespace target_eye
