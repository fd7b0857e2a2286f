#include "codec/percent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace target_eye {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

TEST(PercentDecodeTest, EachEscapeIsDecodedOnce) {
  EXPECT_EQ(PercentDecode(""), "");
  EXPECT_EQ(PercentDecode("a+b"), "a+b");
  EXPECT_EQ(PercentDecode("%41%2f%2F%c3%A9"), "A//\xC3\xA9");
  EXPECT_EQ(PercentDecode("%2541"), "%41");
  EXPECT_EQ(PercentDecode("%00"), "\0"sv);
  EXPECT_EQ(PercentDecode("%FF"), "\xFF");
}

TEST(PercentDecodeTest, ABrokenEscapeIsInvalid) {
  for (const char* text :
       {"%", "%4", "a%", "%zz", "%4g", "%g4", "%%41", "%u0041", "% 41", "%+4", "%-1", "%0x41"}) {
    const auto decoded = PercentDecode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(decoded.error().message, HasSubstr("two hex digits"));
  }
}

TEST(PercentEncodeTest, OnlyUnreservedCharactersStay) {
  EXPECT_EQ(PercentEncode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(PercentEncode("a/b c+%\xC3\xA9\0"sv), "a%2Fb%20c%2B%25%C3%A9%00");
}

TEST(PercentEncodeTest, EveryByteDecodesToItself) {
  std::string all;
  for (int c = 0; c <= 0xFF; ++c) all += static_cast<char>(c);
  EXPECT_EQ(PercentDecode(PercentEncode(all)), all);
}

TEST(GroupPathTest, TwoPartsNameAGroup) {
  const struct {
    const char* path;
    GroupKey key;
  } rows[] = {
      {"/service_name/dev-hou", {"service_name", "dev-hou"}},
      {"/a%2Fb/c", {"a/b", "c"}},
      {"/a/%2F", {"a", "/"}},
      {"/a+b/c%20d", {"a+b", "c d"}},
      {"/caf%C3%A9/e", {"caf\xC3\xA9", "e"}},
      {"/%2541/e", {"%41", "e"}},
      {"/../.", {"..", "."}},
      {"/a/-", {"a", "-"}},
      {"/a@b/e@f", {"a@b", "e@f"}},
  };
  for (const auto& row : rows) {
    const auto key = ParseGroupPath(row.path);
    ASSERT_TRUE(key) << row.path << ": " << key.error().message;
    EXPECT_EQ(*key, row.key) << row.path;
    EXPECT_EQ(ParseGroupPath(GroupPath(*key)), *key);
  }
}

TEST(GroupPathTest, PathsOfOtherShapesAreNotFound) {
  for (const char* path : {"", "/", "//", "///", "/a", "/a/", "a/b", "/a/b/", "//b", "/a//b",
                           "/a/b/c", "/a/b//", "//a/b", "*", "/%2F", "/%zz", "/a/b/%zz"}) {
    const auto key = ParseGroupPath(path);
    ASSERT_FALSE(key) << path;
    EXPECT_EQ(key.error().code, ErrorCode::kNotFound) << path;
    EXPECT_THAT(key.error().message, HasSubstr("/<application>/<environment>"));
  }
}

TEST(GroupPathTest, APathOfAnotherShapeIsToldWhatIsWrong) {
  const std::string expected = ": expected /<application>/<environment>";
  for (const auto& [path, end] : {std::pair{"/a", ""},
                                  {"/a/", "; the environment is missing"},
                                  {"/a/b/", ", without the slash at the end"},
                                  {"/a//b", ", and neither of them empty"},
                                  {"//b", ", and neither of them empty"},
                                  {"/a/b/c", "; a slash inside a name is written %2F"},
                                  {"/a/b/c/", "; a slash inside a name is written %2F"}}) {
    EXPECT_EQ(ParseGroupPath(path).error().message, "path " + Quote(path) + expected + end);
  }
}

TEST(GroupPathTest, PartsThatAreNotAllowedAreInvalid) {
  const std::string long_part(1025, 'a');
  for (const std::string& path :
       {std::string("/%zz/e"), std::string("/a/%"), std::string("/%FF/e"),
        std::string("/a/%ED%A0%80"), std::string("/a%00/e"), std::string("/a/e%0A"),
        std::string("/a/%7F"), std::string("/-/healthy"), std::string("/%2D/e"),
        "/" + long_part + "/e", "/a/" + long_part}) {
    const auto key = ParseGroupPath(path);
    ASSERT_FALSE(key) << path;
    EXPECT_EQ(key.error().code, ErrorCode::kInvalid) << path;
  }
}

TEST(GroupPathTest, LengthCountsDecodedBytes) {
  std::string encoded;
  for (int i = 0; i < 1024; ++i) encoded += "%61";
  EXPECT_TRUE(ParseGroupPath("/" + encoded + "/" + encoded));
  EXPECT_FALSE(ParseGroupPath("/" + encoded + "a/e"));
}

TEST(GroupPathTest, APathIsEncoded) {
  EXPECT_EQ(GroupPath({"a/b", "c d"}), "/a%2Fb/c%20d");
  EXPECT_EQ(GroupPath({"service_name", "dev-hou"}), "/service_name/dev-hou");
}

}  // namespace
}  // namespace target_eye
