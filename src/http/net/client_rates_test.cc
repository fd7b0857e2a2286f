#include "http/net/client_rates.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace target_eye {
namespace {

using std::chrono::milliseconds;

int TakeAll(ClientRates& rates, std::string_view client, SteadyTime now) {
  int taken = 0;
  while (taken < 1000 && rates.Take(client, now)) ++taken;
  return taken;
}

TEST(ClientRatesTest, OneSecondsWorthMayComeAtOnce) {
  ClientRates rates(10);
  EXPECT_EQ(TakeAll(rates, "a", SteadyTime()), 10);
}

TEST(ClientRatesTest, WhatIsUsedComesBackAtTheRate) {
  ClientRates rates(10);
  SteadyTime now;
  TakeAll(rates, "a", now);
  EXPECT_FALSE(rates.Take("a", now + milliseconds(50)));
  EXPECT_EQ(TakeAll(rates, "a", now + milliseconds(301)), 3);
  EXPECT_EQ(TakeAll(rates, "a", now + std::chrono::hours(1)), 10);
}

TEST(ClientRatesTest, AnotherClientIsNotTouched) {
  ClientRates rates(5);
  TakeAll(rates, "a", SteadyTime());
  EXPECT_EQ(TakeAll(rates, "b", SteadyTime()), 5);
}

TEST(ClientRatesTest, AnEarlierNowGivesNothing) {
  ClientRates rates(5);
  const SteadyTime now = SteadyTime() + std::chrono::hours(1);
  TakeAll(rates, "a", now);
  EXPECT_FALSE(rates.Take("a", now - milliseconds(500)));
  EXPECT_FALSE(rates.Take("a", now));
}

TEST(ClientRatesTest, AFastClientStaysSlowedWhileManyOthersComeAndGo) {
  ClientRates rates(1);
  SteadyTime now;
  for (std::size_t i = 0; i < ClientRates::kMostClients - 1; ++i) {
    ASSERT_TRUE(rates.Take(std::to_string(i), now));
  }
  now += std::chrono::seconds(2);
  ASSERT_TRUE(rates.Take("fast", now));
  ASSERT_TRUE(rates.Take("one more", now));
  EXPECT_FALSE(rates.Take("fast", now));
}

}  // namespace
}  // namespace target_eye
