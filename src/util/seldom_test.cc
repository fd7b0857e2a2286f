#include "util/seldom.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

TEST(SeldomTest, OneInEachIntervalIsLetThroughAndTheOthersAreCounted) {
  Seldom seldom(std::chrono::seconds(60));
  const SteadyTime begin{};
  EXPECT_EQ(seldom.Take(begin), 0U);
  for (int i = 0; i < 60; ++i)
    EXPECT_EQ(seldom.Take(begin + std::chrono::seconds(i)), std::nullopt);
  EXPECT_EQ(seldom.Take(begin + std::chrono::seconds(60)), 60U);
  EXPECT_EQ(seldom.Take(begin + std::chrono::seconds(61)), std::nullopt);
  EXPECT_EQ(seldom.Take(begin + std::chrono::hours(1)), 1U);
  EXPECT_EQ(seldom.Take(begin + std::chrono::hours(2)), 0U);
}

}  // namespace
}  // namespace target_eye
