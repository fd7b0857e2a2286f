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

}  // namespace
}  // namespace target_eye
