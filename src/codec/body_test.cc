#include "codec/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "codec/testing/decode_outcome.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::Not;

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

std::string MessageOf(const std::string& content_type, const std::string& body) {
  const auto decoded = DecodeBody(content_type, body);
  if (decoded) return "taken";
  EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
  return decoded.error().message;
}

TEST(BodyTest, ABodyOfAnotherFormatIsToldWhatItLooksLike) {
  const struct {
    const char* type;
    const char* body;
    const char* message;
  } rows[] = {
      {"", kJson, "; the body looks like JSON: send it with Content-Type: application/json"},
      {"text/plain", kJson, "; the body looks like JSON"},
      {"text/plain", kYaml, "; the body looks like YAML"},
      {"", kForm,
       "; the body looks like a form: send it with Content-Type: application/x-www-form"},
      {"multipart/form-data; boundary=x", "--x\r\n", "; curl -F sends that, and -d a form"},
      {"application/json", kForm, "found \"t\"; it looks like a form"},
      {"application/json", kYaml, "found \"t\"; it looks like YAML"},
      {"text/yaml", kForm, "found a string; it looks like a form"},
      {"application/x-www-form-urlencoded", kJson, "body: looks like JSON"},
      {"application/x-www-form-urlencoded", kYaml, "body: looks like YAML"},
      {"text/yaml", "targets:  - a:1  - b:2labels:  key1: value1", "--data-binary @FILE"},
      {"text/yaml", "---targets:  - a:1", "--data-binary @FILE"},
      {"text/yaml", "# ours targets:  - a:1", "--data-binary @FILE"},
      {"text/yaml", "labels:  a: b", "--data-binary @FILE"},
      {"application/json", "\xFF\xFE{", "body: is UTF-16; expected UTF-8"},
      {"text/yaml", "\xFE\xFF", "body: is UTF-16; expected UTF-8"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(MessageOf(row.type, row.body), HasSubstr(row.message)) << row.type << row.body;
  }
}

TEST(BodyTest, AFaultInABodyOfTheRightFormatHasNoHint) {
  for (const auto& [type, body] : {std::pair{"application/json", "{\"targets\":[1]}"},
                                   {"text/yaml", "targets: [a:0]"},
                                   {"text/yaml", "targets:\n  - a:0\n"},
                                   {"application/x-www-form-urlencoded", "targets=a:0"},
                                   {"text/yaml", "{\"targets\": [\"a:0\"], \"labels\": {}}"}}) {
    EXPECT_THAT(MessageOf(type, body), Not(HasSubstr("looks like"))) << body;
    EXPECT_THAT(MessageOf(type, body), Not(HasSubstr("joined"))) << body;
  }
}

TEST(BodyTest, AByteOrderMarkIsNoPartOfABody) {
  const std::string mark = "\xEF\xBB\xBF";
  ExpectData("application/json", mark + kJson);
  ExpectData("text/yaml", mark + kYaml);
  ExpectData("application/x-www-form-urlencoded", mark + kForm);
}

}  // namespace
}  // namespace target_eye
