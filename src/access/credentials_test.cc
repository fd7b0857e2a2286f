#include "access/credentials.h"

#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using Kind = Credentials::Kind;

TEST(Base64Test, VectorsOfRfc4648AreDecoded) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("Zg=="), "f");
  EXPECT_EQ(DecodeBase64("Zm8="), "fo");
  EXPECT_EQ(DecodeBase64("Zm9v"), "foo");
  EXPECT_EQ(DecodeBase64("Zm9vYg=="), "foob");
  EXPECT_EQ(DecodeBase64("Zm9vYmE="), "fooba");
  EXPECT_EQ(DecodeBase64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(DecodeBase64("+/+/"), "\xFB\xFF\xBF");
}

TEST(Base64Test, WhatIsNoBase64IsRefused) {
  for (const char* text : {"Zg", "Zg=", "Z===", "====", "Zm9v=", "Zm 9", "Zm9-", "Zg==Zg=="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

TEST(CredentialsTest, BasicIsSplitAtItsFirstColon) {
  const Credentials credentials = ParseAuthorization("Basic YWxpY2U6YTpi");
  EXPECT_EQ(credentials.kind, Kind::kPassword);
  EXPECT_EQ(credentials.user, "alice");
  EXPECT_EQ(credentials.secret, "a:b");
}

TEST(CredentialsTest, BearerIsTakenAsItIs) {
  const Credentials credentials = ParseAuthorization("Bearer  abc.def~=");
  EXPECT_EQ(credentials.kind, Kind::kToken);
  EXPECT_EQ(credentials.secret, "abc.def~=");
}

TEST(CredentialsTest, SchemesHaveNoCase) {
  EXPECT_EQ(ParseAuthorization("bASIC YTpi").kind, Kind::kPassword);
  EXPECT_EQ(ParseAuthorization("BEARER a").kind, Kind::kToken);
}

TEST(CredentialsTest, OtherSchemesAreNoCredentials) {
  for (const char* header : {"", "Negotiate abc", "Basics YTpi", "Digest username=a"}) {
    EXPECT_EQ(ParseAuthorization(header).kind, Kind::kNone) << header;
  }
}

TEST(CredentialsTest, BrokenOnesAreNotTakenForNone) {
  for (const char* header : {"Basic", "Basic ", "Basic YTpi YTpi", "Basic YTpi, Basic YTpi",
                             "Basic YWxpY2U=", "Basic !!!!", "Bearer", "Bearer "}) {
    EXPECT_EQ(ParseAuthorization(header).kind, Kind::kBroken) << header;
  }
}

}  // namespace
}  // namespace target_eye
