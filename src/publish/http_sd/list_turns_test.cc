#include "publish/http_sd/list_turns.h"

#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SteadyTime kNow = SteadyTime() + std::chrono::hours(1);

TEST(ListTurnsTest, WhoHadLessOfTheThreadComesFirst) {
  ListTurns turns;
  turns.Charge("cheap", milliseconds(10), kNow);
  turns.Charge("dear", seconds(1), kNow);
  EXPECT_LT(turns.RankOf("cheap", 64, kNow), turns.RankOf("dear", 0, kNow));
  turns.Charge("cheap", seconds(2), kNow);
  EXPECT_GT(turns.RankOf("cheap", 0, kNow), turns.RankOf("dear", 64, kNow));
}

TEST(ListTurnsTest, ADebtIsPaidOffByTime) {
  ListTurns turns;
  turns.Charge("a", seconds(1), kNow);
  EXPECT_EQ(turns.RankOf("a", 0, kNow).debt, seconds(20));
  EXPECT_EQ(turns.RankOf("a", 0, kNow + seconds(15)).debt, seconds(5));
  EXPECT_EQ(turns.RankOf("a", 0, kNow + seconds(21)).debt, seconds(0));
  for (int i = 0; i < 1000; ++i) turns.Charge("a", seconds(1), kNow);
  EXPECT_EQ(turns.RankOf("a", 0, kNow).debt, ListTurns::kMaxDebt);
}

// A list that is asked for again and again must not wait for queries that are other ones each time.
TEST(ListTurnsTest, NewListsAnswerForEachOther) {
  ListTurns turns;
  turns.Charge("prometheus", milliseconds(100), kNow);
  EXPECT_LT(turns.RankOf("prometheus", 0, kNow), turns.RankOf("new", 1, kNow));
  turns.Charge("first", seconds(2), kNow);
  turns.Charge("second", seconds(2), kNow);
  EXPECT_EQ(turns.RankOf("third", 0, kNow).debt,
            turns.RankOf("second", 0, kNow).debt * 2 + turns.RankOf("prometheus", 0, kNow).debt);
  EXPECT_LT(turns.RankOf("prometheus", 0, kNow), turns.RankOf("third", 0, kNow));
}

TEST(ListTurnsTest, OfNewListsTheSimplerOnesComeFirst) {
  const ListTurns turns;
  EXPECT_LT(turns.RankOf("a", 0, kNow), turns.RankOf("b", 1, kNow));
  EXPECT_EQ(turns.RankOf("a", 3, kNow), turns.RankOf("b", 3, kNow));
}

TEST(ListTurnsTest, WhatIsKnownIsBoundedAndTheOldestIsForgotten) {
  ListTurns turns;
  for (std::size_t i = 0; i <= ListTurns::kMaxAccounts; ++i) {
    turns.Charge(std::to_string(i), milliseconds(1), kNow + milliseconds(i));
  }
  const SteadyTime now = kNow + milliseconds(ListTurns::kMaxAccounts);
  EXPECT_EQ(turns.RankOf("0", 0, now), turns.RankOf("none", 0, now));
  EXPECT_LT(turns.RankOf("1024", 0, now), turns.RankOf("none", 0, now));
}

}  // namespace
}  // namespace target_eye
