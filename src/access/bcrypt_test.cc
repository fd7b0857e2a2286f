#include "access/bcrypt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// From the test vectors of John the Ripper's bcrypt, cost 5.
const std::string kHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const std::string kPassword = "U*U";

std::string ErrorOf(std::string_view hash) {
  const auto ok = CheckBcrypt(hash);
  return ok ? std::string() : ok.error().message;
}

TEST(BcryptTest, OnlyTheRightPasswordMatches) {
  EXPECT_TRUE(BcryptMatches(kHash, kPassword));
  EXPECT_FALSE(BcryptMatches(kHash, "U*V"));
  EXPECT_FALSE(BcryptMatches(kHash, ""));
  EXPECT_FALSE(BcryptMatches(kHash, "U*U "));
}

// All three are the same, but for hashes that a long gone defect made.
TEST(BcryptTest, EachMarkOfTheHashIsUnderstood) {
  for (const char* mark : {"$2a$", "$2b$", "$2y$"}) {
    const std::string hash = mark + kHash.substr(4);
    EXPECT_EQ(ErrorOf(hash), "");
    EXPECT_TRUE(BcryptMatches(hash, kPassword)) << mark;
  }
}

// Some programs leave in the salt's last character bits that do not count.
TEST(BcryptTest, BitsOfTheSaltThatDoNotCountMakeNoDifference) {
  std::string hash = kHash;
  ASSERT_EQ(hash[28], '.');
  hash[28] = '/';
  EXPECT_TRUE(BcryptMatches(hash, kPassword));
}

TEST(BcryptTest, WhatIsNoHashIsRefusedAndNotShown) {
  for (const std::string& hash :
       {std::string("secret"), std::string(), kHash + "a", kHash.substr(1),
        "$2x$" + kHash.substr(4), "$2a$5_$" + kHash.substr(7), kHash.substr(0, 59) + "*",
        "$1" + kHash.substr(2)}) {
    EXPECT_THAT(ErrorOf(hash), HasSubstr("is no bcrypt hash; expected 60 characters")) << hash;
  }
  EXPECT_THAT(ErrorOf("secret"), Not(HasSubstr("secret")));
}

TEST(BcryptTest, CostIsBounded) {
  const auto with_cost = [](std::string_view cost) {
    return "$2a$" + std::string(cost) + kHash.substr(6);
  };
  EXPECT_EQ(ErrorOf(with_cost("04")), "");
  EXPECT_EQ(ErrorOf(with_cost("16")), "");
  EXPECT_EQ(ErrorOf(with_cost("03")), "has the bcrypt cost 3; expected 4 to 16");
  EXPECT_EQ(ErrorOf(with_cost("17")), "has the bcrypt cost 17; expected 4 to 16");
}

}  // namespace
}  // namespace target_eye
