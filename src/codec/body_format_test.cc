#include "codec/body_format.h"

#include <gtest/gtest.h>

#include <string_view>

namespace target_eye {
namespace {

TEST(BodyFormatTest, ABodyIsKnownByHowItBegins) {
  const struct {
    BodyFormat format;
    std::string_view body;
  } rows[] = {
      {BodyFormat::kJson, R"({"targets":["a:1"]})"},
      {BodyFormat::kJson, " \n[{\"targets\": []}]"},
      {BodyFormat::kJson, "\xEF\xBB\xBF{}"},
      {BodyFormat::kJson, "{'targets': []}"},
      {BodyFormat::kJson, "%7B%22targets%22%3A"},
      {BodyFormat::kJson, "%5b"},
      {BodyFormat::kYaml, "targets:\n  - a:1\n"},
      {BodyFormat::kYaml, "targets:  - a:1"},
      {BodyFormat::kYaml, "labels: {a: b}"},
      {BodyFormat::kYaml, "- targets: [a:1]"},
      {BodyFormat::kYaml, "---\ntargets:"},
      {BodyFormat::kYaml, "---targets:  - a:1"},
      {BodyFormat::kYaml, "# ours\ntargets:"},
      {BodyFormat::kYaml, "{targets: [a:1]}"},
      {BodyFormat::kForm, "targets=a:1"},
      {BodyFormat::kForm, "targets%5B%5D=a:1&x=y"},
      {BodyFormat::kForm, "targets[0]=a:1"},
      {BodyFormat::kForm, "team=storage"},
      {BodyFormat::kUnknown, ""},
      {BodyFormat::kUnknown, "a:1"},
      {BodyFormat::kUnknown, "------WebKitFormBoundary"},
      {BodyFormat::kUnknown, "=x"},
      {BodyFormat::kUnknown, "a b=c"},
      {BodyFormat::kUnknown, "<targets/>"},
  };
  for (const auto& row : rows) EXPECT_EQ(GuessFormat(row.body), row.format) << row.body;
}

TEST(BodyFormatTest, LinesThatWereJoinedAreSeen) {
  for (const std::string_view body :
       {"targets:  - a:1  - b:2labels:  key1: value1", "targets:- a:1", "targets: [a:1]labels: {}",
        "---targets:  - a:1", "# ours targets:  - a:1", "labels:  a: b", "- targets:  - a:1"}) {
    EXPECT_TRUE(LooksJoined(body)) << body;
  }
  for (const std::string_view body :
       {"targets: [a:1]", "targets:\n  - a:1\n", "labels: {a: b}", "targets:", "", "a:1",
        "{targets: [a:1], labels: {x: y}}", "{\"targets\": [\"a:1\"]}"}) {
    EXPECT_FALSE(LooksJoined(body)) << body;
  }
}

}  // namespace
}  // namespace target_eye
