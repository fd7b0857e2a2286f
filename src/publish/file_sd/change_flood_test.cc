#include "publish/file_sd/change_flood.h"

#include <gtest/gtest.h>

#include <chrono>

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ChangeFloodTest : public testing::Test {
 protected:
  // So many changes, one each `pause`; the time is that of the last one.
  void Come(int changes, milliseconds pause) {
    for (int i = 0; i < changes; ++i) {
      now_ += pause;
      flood_.Note(1, now_);
    }
  }
  SteadyTime::duration Wait(SteadyTime first) const { return flood_.Due(first, now_) - now_; }

  ChangeFlood flood_;
  SteadyTime now_{std::chrono::hours(1)};
};

TEST_F(ChangeFloodTest, AFewChangesAreNone) {
  EXPECT_EQ(Wait(now_), SteadyTime::duration::zero());
  Come(49, milliseconds(1));
  EXPECT_EQ(Wait(now_), SteadyTime::duration::zero());
}

TEST_F(ChangeFloodTest, ManyInARowWaitForAMomentOfQuiet) {
  Come(50, milliseconds(1));
  EXPECT_EQ(Wait(now_), ChangeFlood::kQuiet);
  now_ += ChangeFlood::kQuiet;
  EXPECT_EQ(Wait(now_), SteadyTime::duration::zero());
}

TEST_F(ChangeFloodTest, NobodyWaitsForTheEndOfAFloodThatGoesOn) {
  const SteadyTime first = now_;
  Come(9'950, milliseconds(1));
  EXPECT_EQ(Wait(first), milliseconds(50));
  Come(50, milliseconds(1));
  EXPECT_EQ(Wait(first), SteadyTime::duration::zero());
}

TEST_F(ChangeFloodTest, WhatComesAllTheWhileButSlowlyIsNone) {
  Come(1'000, milliseconds(11));
  EXPECT_EQ(Wait(now_), SteadyTime::duration::zero());
}

TEST_F(ChangeFloodTest, AfterAPauseItBeginsAgain) {
  Come(60, milliseconds(1));
  now_ += seconds(1);
  Come(40, milliseconds(1));
  EXPECT_EQ(Wait(now_), SteadyTime::duration::zero());
  Come(10, milliseconds(1));
  EXPECT_EQ(Wait(now_), ChangeFlood::kQuiet);
}

}  // namespace
}  // namespace target_eye
