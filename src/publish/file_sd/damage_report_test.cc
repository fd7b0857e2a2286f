#include "publish/file_sd/damage_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace target_eye {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class DamageReportTest : public testing::Test {
 protected:
  // Mends `times` times, one a second, and gives what was logged.
  std::string Mend(int times) {
    testing::internal::CaptureStderr();
    for (int i = 0; i < times; ++i) {
      report_.Found("f was removed", true);
      report_.Mended("f was removed", now_);
      now_ += seconds(1);
    }
    return testing::internal::GetCapturedStderr();
  }

  DamageReport report_;
  SteadyTime now_{seconds(1000)};
};

TEST_F(DamageReportTest, DamageIsSaidUntilItIsMendedAndLoggedOnce) {
  EXPECT_EQ(report_.text(), "");
  testing::internal::CaptureStderr();
  report_.Found("f was removed", true);
  report_.Found("f was removed (and 1 more)", true);
  EXPECT_EQ(report_.text(), "f was removed (and 1 more)");
  report_.Mended("f was removed", now_);
  EXPECT_EQ(report_.text(), "");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

TEST_F(DamageReportTest, WhatTurnsOutToBeNoDamageIsNotLogged) {
  testing::internal::CaptureStderr();
  report_.Found("f was overwritten", false);
  report_.Mended("", now_);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(report_.text(), "");
}

TEST_F(DamageReportTest, TheThirdTimeInARowIsAContestUntilThereWasPeace) {
  Mend(2);
  EXPECT_EQ(report_.text(), "");
  const std::string log = Mend(100);
  EXPECT_THAT(report_.text(), HasSubstr("again and again; the last time, f was removed"));
  EXPECT_EQ(std::ranges::count(log, '\n'), 2) << log;
  report_.Well(now_);  // A second after the last time.
  EXPECT_TRUE(report_.is_contested());
  report_.Well(now_ + seconds(1));
  EXPECT_EQ(report_.text(), "");
  Mend(2);
  EXPECT_FALSE(report_.is_contested());
}

TEST_F(DamageReportTest, NowAndThenIsNoContest) {
  for (int i = 0; i < 10; ++i) {
    Mend(1);
    now_ += seconds(5);
    EXPECT_EQ(report_.text(), "");
  }
}

}  // namespace
}  // namespace target_eye
