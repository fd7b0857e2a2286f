#include "util/sha256_stream.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

TEST(Sha256StreamTest, PiecesMakeTheDigestOfTheWhole) {
  Sha256Stream stream;
  for (const std::string_view piece : {"a", "", "bc"}) stream.Add(piece);
  EXPECT_EQ(stream.Finish(), Sha256("abc"));
  EXPECT_EQ(Sha256Stream().Finish(), Sha256(""));
}

TEST(Sha256StreamTest, HexIsThatOfTheStandard) { EXPECT_EQ(Hex(Sha256("abc"), 6), "ba7816bf8f01"); }

}  // namespace
}  // namespace target_eye
