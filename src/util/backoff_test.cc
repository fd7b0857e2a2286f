#include "util/backoff.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

using std::chrono::milliseconds;

TEST(BackoffTest, DoublesUpToTheMost) {
  Backoff backoff(milliseconds(100), milliseconds(500));
  EXPECT_EQ(backoff.Next(), milliseconds(100));
  EXPECT_EQ(backoff.Next(), milliseconds(200));
  EXPECT_EQ(backoff.Next(), milliseconds(400));
  EXPECT_EQ(backoff.Next(), milliseconds(500));
  EXPECT_EQ(backoff.Next(), milliseconds(500));
}

TEST(BackoffTest, StartsAgainAfterReset) {
  Backoff backoff(milliseconds(100), milliseconds(500));
  backoff.Next();
  backoff.Next();
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), milliseconds(100));
}

}  // namespace
}  // namespace target_eye
