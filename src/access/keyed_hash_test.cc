#include "access/keyed_hash.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

TEST(KeyedHashTest, SamePartsGiveTheSameUnderOneKeyOnly) {
  KeyedHash hash;
  KeyedHash other;
  EXPECT_EQ(hash({"a", "b"}), hash({"a", "b"}));
  EXPECT_NE(hash({"a", "b"}), other({"a", "b"}));
}

TEST(KeyedHashTest, WhereAPartEndsCounts) {
  KeyedHash hash;
  EXPECT_NE(hash({"ab", "c"}), hash({"a", "bc"}));
  EXPECT_NE(hash({"a", ""}), hash({"a"}));
}

}  // namespace
}  // namespace target_eye
