#include "codec/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "codec/decode_testing.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

GroupData Data() { return {std::vector{Target::FromStored("a:1")}, Labels{{"zone", "x"}}}; }
constexpr const char* kJson = R"({"targets":["a:1"],"labels":{"zone":"x"}})";
constexpr const char* kYaml = "targets:\n  - a:1\nlabels:\n  zone: x\n";
constexpr const char* kForm = "targets=a:1&zone=x";

void ExpectData(const std::string& content_type, const std::string& body) {
  const auto decoded = DecodeBody(content_type, body);
  ASSERT_TRUE(decoded) << content_type << ": " << decoded.error().message;
  EXPECT_EQ(*decoded, Data()) << content_type;
}

TEST(BodyTest, EachContentTypeHasItsFormat) {
  ExpectData("application/json", kJson);
  ExpectData("application/x-www-form-urlencoded", kForm);
  for (const char* type : {"text/vnd.yaml", "text/yaml", "text/x-yaml", "application/vnd.yaml",
                           "application/x-yaml", "application/yaml"}) {
    ExpectData(type, kYaml);
  }
}

TEST(BodyTest, ContentTypesCompareWithoutCaseAndParameters) {
  for (const char* type :
       {"application/json; charset=utf-8", "Application/JSON", "application/json;charset=utf-8;x=y",
        " application/json ", "\tapplication/json\t; q", "APPLICATION/JSON;"}) {
    ExpectData(type, kJson);
  }
  ExpectData("Text/YAML ; charset=utf-8", kYaml);
  ExpectData("Application/X-WWW-Form-URLEncoded; charset=UTF-8", kForm);
}

TEST(BodyTest, AnEmptyBodyIsNoneWhateverItsType) {
  for (const char* type : {"", "application/json", "text/plain", "text/yaml", ";"}) {
    const auto decoded = DecodeBody(type, "");
    ASSERT_TRUE(decoded) << type;
    EXPECT_FALSE(decoded->has_value()) << type;
  }
}

TEST(BodyTest, ABodyWithoutTypeIsNeverTakenForNone) {
  for (const char* type : {"", " ", ";", "; charset=utf-8"}) {
    const auto decoded = DecodeBody(type, kJson);
    ASSERT_FALSE(decoded) << type;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(decoded.error().message, HasSubstr("Content-Type is missing"));
    EXPECT_THAT(decoded.error().message, HasSubstr("application/json"));
  }
}

TEST(BodyTest, ABodyOfAnotherTypeIsNeverTakenForNone) {
  for (const char* type : {"text/plain", "application/jsonx", "xapplication/json",
                           "application/json,text/yaml", "json", "text/json", "multipart/form-data",
                           "application/ json", "*/*", "application/json charset=utf-8"}) {
    const auto decoded = DecodeBody(type, kJson);
    ASSERT_FALSE(decoded) << type;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(decoded.error().message, HasSubstr("Content-Type " + Quote(type)));
    EXPECT_THAT(decoded.error().message, HasSubstr("text/vnd.yaml"));
  }
}

TEST(BodyTest, ABodyThatDoesNotParseIsNeverTakenForNone) {
  for (const char* type : {"application/json", "text/yaml", "application/x-www-form-urlencoded"}) {
    for (const char* body : {" ", "[", "{\"targets\":", "%", "\xFF"}) {
      const auto decoded = DecodeBody(type, body);
      ASSERT_FALSE(decoded) << type << " " << body;
      EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
    }
  }
}

TEST(BodyTest, AnEmptyObjectIsNotAnEmptyBody) {
  for (const char* type : {"application/json", "text/yaml"}) {
    const auto decoded = DecodeBody(type, "{}");
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, GroupData{}) << type;
  }
}

}  // namespace
}  // namespace target_eye
