#include "util/token_bucket.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SteadyTime kStart{std::chrono::hours(100)};

int TakeAll(TokenBucket& bucket, SteadyTime now) {
  int taken = 0;
  while (bucket.TryTake(now)) ++taken;
  return taken;
}

TEST(TokenBucketTest, IsFullAtFirst) {
  TokenBucket bucket(5, seconds(1));
  EXPECT_EQ(TakeAll(bucket, kStart), 5);
}

TEST(TokenBucketTest, GainsOneTokenEachInterval) {
  TokenBucket bucket(5, seconds(1));
  TakeAll(bucket, kStart);
  EXPECT_FALSE(bucket.TryTake(kStart + milliseconds(999)));
  EXPECT_EQ(TakeAll(bucket, kStart + seconds(1)), 1);
  EXPECT_EQ(TakeAll(bucket, kStart + seconds(4)), 3);
}

TEST(TokenBucketTest, NeverHoldsMoreThanItsCapacity) {
  TokenBucket bucket(5, seconds(1));
  TakeAll(bucket, kStart);
  EXPECT_EQ(TakeAll(bucket, kStart + std::chrono::hours(1)), 5);
}

TEST(TokenBucketTest, NextAtIsWhenTakingSucceeds) {
  TokenBucket bucket(2, milliseconds(700));
  EXPECT_LE(bucket.NextAt(), kStart);
  TakeAll(bucket, kStart);
  const SteadyTime next = bucket.NextAt();
  EXPECT_EQ(next, kStart + milliseconds(700));
  EXPECT_FALSE(bucket.TryTake(next - SteadyTime::duration(1)));
  EXPECT_TRUE(bucket.TryTake(next));
}

TEST(TokenBucketTest, ADebtIsWaitedOff) {
  TokenBucket bucket(5, seconds(1));
  bucket.Spend(seconds(10), kStart);
  EXPECT_EQ(bucket.NextAt(), kStart + seconds(6));
  EXPECT_FALSE(bucket.TryTake(kStart + seconds(5)));
  EXPECT_TRUE(bucket.TryTake(kStart + seconds(6)));
}

TEST(TokenBucketTest, WhatIsGivenBackMayBeTakenAgain) {
  TokenBucket bucket(5, seconds(1));
  TakeAll(bucket, kStart);
  bucket.Spend(-seconds(1), kStart);
  EXPECT_EQ(TakeAll(bucket, kStart), 1);
}

TEST(TokenBucketTest, GivingBackToAFullOneAddsNothing) {
  TokenBucket bucket(5, seconds(1));
  bucket.Spend(-seconds(3), kStart);
  EXPECT_EQ(TakeAll(bucket, kStart), 5);
}

TEST(TokenBucketTest, AnAmountIsTakenWholeOrNotAtAll) {
  auto bucket = TokenBucket::OfDepth(seconds(10), seconds(1));
  EXPECT_TRUE(bucket.TryTake(seconds(8), kStart));
  EXPECT_FALSE(bucket.TryTake(milliseconds(2001), kStart));
  EXPECT_TRUE(bucket.TryTake(seconds(2), kStart));
  EXPECT_FALSE(bucket.TryTake(seconds(1), kStart + milliseconds(999)));
  EXPECT_TRUE(bucket.TryTake(seconds(1), kStart + seconds(1)));
  EXPECT_FALSE(bucket.TryTake(seconds(11), kStart + std::chrono::hours(1)));
}

TEST(TokenBucketTest, TakingWhatThereIsLeavesNoDebt) {
  TokenBucket bucket(2, seconds(1));
  for (int i = 0; i < 10; ++i) bucket.TakeWhatThereIs(kStart);
  EXPECT_EQ(bucket.NextAt(), kStart + seconds(1));
  EXPECT_FALSE(bucket.IsFull(kStart + milliseconds(1999)));
  EXPECT_TRUE(bucket.IsFull(kStart + seconds(2)));
}

}  // namespace
}  // namespace target_eye
