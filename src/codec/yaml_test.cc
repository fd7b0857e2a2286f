#include "codec/yaml.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "codec/testing/decode_outcome.h"

namespace target_eye {
namespace {

using namespace std::string_view_literals;

struct Row {
  std::string_view body;
  std::string outcome;
};

void Check(std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(Quote(row.body));
    ExpectOutcome(DecodeYaml(row.body), row.outcome);
  }
}

// What no body on a 1 MiB limit exceeds.
std::string Mebibyte(std::string_view unit) {
  constexpr std::size_t kBytes = 1U << 20U;
  std::string text;
  while (text.size() + unit.size() <= kBytes) text += unit;
  return text;
}

TEST(YamlTest, BlockAndFlowStyleSayTheSame) {
  Check({
      {"targets:\n  - hostname1:15000\n  - hostname2:15000\n\nlabels:\n  key1: value1\n  key2: "
       "value2\n",
       "hostname1:15000 hostname2:15000 / key1=value1 key2=value2"},
      {"targets:\n- a:1\n", "a:1 / -"},
      {"---\ntargets: [a:1, 'b:2', \"c:3\"]\n...\n", "a:1 b:2 c:3 / -"},
      {"{targets: [a:1], labels: {zone: x}}", "a:1 / zone=x"},
      {R"({"targets":["a:1"],"labels":{"zone":"x"}})", "a:1 / zone=x"},
      {"labels: {zone: x}", "- / zone=x"},
      {"\"targets\": []\n? labels\n: {}\n", "/"},
      {"{}", "- / -"},
      {"%YAML 1.2\n---\ntargets: [a:1] # why\n", "a:1 / -"},
      {"\xEF\xBB\xBFtargets: [a:1]", "a:1 / -"},
      {"targets:\r\n  - a:1\r\n", "a:1 / -"},
  });
}

TEST(YamlTest, APlainScalarIsItsText) {
  Check({
      {"labels: {v: 1.10}", "- / v=1.10"},
      {"labels: {v: 0x1F}", "- / v=0x1F"},
      {"labels: {v: 010}", "- / v=010"},
      {"labels: {v: yes}", "- / v=yes"},
      {"labels: {v: true}", "- / v=true"},
      {"labels: {v: .inf}", "- / v=.inf"},
      {"labels: {v: 2026-01-01}", "- / v=2026-01-01"},
      {"labels:\n  v: two words\n    and more\n", "- / v=two words and more"},
      {"labels: {y: n, no: off}", "- / no=off y=n"},
      {"labels:\n  v: |\n    line\n", "- / v=line\n"},
      {"labels:\n  v: >-\n    a\n    b\n", "- / v=a b"},
      {"targets: [10.0.0.1, localhost, 10.0.0.1:80]", "10.0.0.1 localhost 10.0.0.1:80 / -"},
  });
}

TEST(YamlTest, QuotedScalarsAreStringsWhateverTheySpell) {
  Check({
      {"labels: {v: \"null\", w: '~'}", "- / v=null w=~"},
      {R"(labels: {v: "\t\"\u00e9\x41\U0001F4A9"})",
       "- / v=\t\"\xC3\xA9"
       "A\xF0\x9F\x92\xA9"},
      {"labels: {v: 'it''s'}", "- / v=it's"},
      {"labels: {v: ''}", "error: label \"v\": value is empty"},
      {R"(labels: {v: "\ud800"})", "error: not valid YAML"},
      {R"(labels: {v: "\q"})", "error: not valid YAML"},
  });
}

TEST(YamlTest, NullAndNestedValuesAreRefused) {
  Check({
      {"labels: {v: ~}", "error: label \"v\": expected a string, found null"},
      {"labels: {v: null}", "error: label \"v\": expected a string, found null"},
      {"labels: {v: Null}", "error: label \"v\": expected a string, found null"},
      {"labels: {v: NULL}", "error: label \"v\": expected a string, found null"},
      {"labels: {v: }", "error: label \"v\": expected a string, found null"},
      {"labels:\n  v:\n  w: x\n", "error: label \"v\": expected a string, found null"},
      {"labels: {v: [a]}", "error: label \"v\": expected a string, found a list"},
      {"labels: {v: {a: b}}", "error: label \"v\": expected a string, found an object"},
      {"labels:\n", "error: labels: expected an object of strings, found null"},
      {"labels: []", "error: labels: expected an object of strings, found a list"},
      {"labels: a", "error: labels: expected an object of strings, found a string"},
      {"targets:\n", "error: targets: expected a list of strings, found null"},
      {"targets: a:1\n", "error: targets: expected a list of strings, found a string"},
      {"targets: {a: 1}\n", "error: targets: expected a list of strings, found an object"},
      {"targets: [~]", "error: targets: element 1: expected a string, found null"},
      {"targets: [a:1, null]", "error: targets: element 2: expected a string, found null"},
      {"targets:\n  -\n", "error: targets: element 1: expected a string, found null"},
      {"targets: [[a:1]]", "error: targets: element 1: expected a string, found a list"},
      {"targets:\n  - a: 1\n", "error: targets: element 1: expected a string, found an object"},
  });
}

TEST(YamlTest, KeysAreNames) {
  Check({
      {"target: [a:1]", "error: unknown key \"target\": expected targets or labels"},
      {"targets: [a:1]\nx: 1\n", "error: unknown key \"x\""},
      {"targets: [a:1]\ntargets: [b:1]\n", "error: key \"targets\": is given twice"},
      {"labels: {a: 1, a: 1}", "error: label \"a\": is given twice"},
      {"labels: {a: 1, \"a\": 2}", "error: label \"a\": is given twice"},
      {"labels: {a-b: 1}", "error: label name \"a-b\""},
      {"labels: {~: 1}", "error: labels: expected a label name, found null"},
      {"labels: {[a]: 1}", "error: labels: expected a label name, found a list"},
      {"labels: {{a: b}: 1}", "error: labels: expected a label name, found an object"},
      {"? [a]\n: b\n", "error: expected the key targets or labels, found a list"},
      {"~: b\n", "error: expected the key targets or labels, found null"},
      {"<<: {targets: [a:1]}", "error: unknown key \"<<\""},
      {"labels: {<<: x}", "error: label name \"<<\""},
  });
}

TEST(YamlTest, TargetsAreSplitAndTrimmedAsEverywhere) {
  Check({
      {"targets: ['a:1, b:2 ']", "a:1 b:2 / -"},
      {"targets:\n  - a:1,b:2\n", "a:1 b:2 / -"},
      {"targets: ['a:1,']", "error: targets \"a:1,\": has an empty element"},
      {"targets: ['']", "error: target \"\": is empty"},
      {"targets: [a:70000]", "error: body: target \"a:70000\": port must be 1-65535"},
      {"targets: [10]", "error: target \"10\": not a full IPv4 address"},
  });
}

TEST(YamlTest, WhatGetAnswersWithIsABody) {
  Check({
      {"- targets:\n    - a:1\n  labels:\n    x: y\n", "a:1 / x=y"},
      {"[{\"targets\":[\"a:1\"],\"labels\":{\"x\":\"y\"}}]\n", "a:1 / x=y"},
  });
}

TEST(YamlTest, OnlyOneMappingIsABody) {
  Check({
      {"- a:1\n", "error: group 1: expected an object with targets and labels, found a string"},
      {"[]", "error: body: the list is empty; expected one object with targets and labels"},
      {"- targets: [a:1]\n- targets: [b:1]\n", "error: body: expected one group in the list"},
      {"a:1", "error: expected one object with targets and labels, found a string"},
      {"null", "error: expected one object with targets and labels, found null"},
      {"---\n", "error: expected one object with targets and labels, found null"},
      {"# comment\n", "error: expected one YAML document, found none"},
      {" ", "error: expected one YAML document, found none"},
      {"\n\n", "error: expected one YAML document, found none"},
      {"...\n", "error: "},
      {"\xEF\xBB\xBF", "error: expected one YAML document, found none"},
  });
}

TEST(YamlTest, ASecondDocumentIsRefused) {
  Check({
      {"targets: [a:1]\n---\ntargets: [b:1]\n", "error: expected one YAML document, found two"},
      {"targets: [a:1]\n---\n", "error: expected one YAML document, found two"},
      {"targets: [a:1]\n...\n---\n", "error: expected one YAML document, found two"},
      {"{} {}", "error: "},
      {"{}\n[\n", "error: "},
      {"targets: [a:1]\n...\nx: y\n", "error: "},
  });
}

TEST(YamlTest, AnchorsAliasesAndTagsAreRefused) {
  Check({
      {"&a [*a]", "error: anchor \"a\": anchors are not allowed"},
      {"targets: &t [a:1]", "error: anchor \"t\": anchors are not allowed"},
      {"labels: {a: &x b}", "error: anchor \"x\""},
      {"labels: {&x a: b}", "error: anchor \"x\""},
      {"labels: {a: &x }", "error: anchor \"x\""},
      {"targets: *t", "error: "},
      {"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "error: unknown key \"a\""},
      {"!!map {targets: [a:1]}", "error: tag \"tag:yaml.org,2002:map\": tags are not allowed"},
      {"targets: !!seq [a:1]", "error: tags are not allowed"},
      {"targets: [!!str a:1]", "error: tags are not allowed"},
      {"labels: {v: !!str 1}", "error: tags are not allowed"},
      {"labels: {v: !!binary aGk=}", "error: tags are not allowed"},
      {"labels: {v: !<x> y}", "error: tag \"x\""},
      {"labels: {v: !local y}", "error: tag \"!local\""},
      {"labels: {v: ! y}", "error: tag \"!\""},
      {"labels: {! v: y}", "error: tag \"!\""},
      {"labels: {v: ! 'y'}", "error: tag \"!\""},
      {"targets: ! [a:1]", "error: tag \"!\""},
      {"! {targets: [a:1]}", "error: tag \"!\""},
      {"labels: {!!str a: y}", "error: tags are not allowed"},
      {"%TAG ! tag:example.com,2026:\n---\nlabels: {v: !x y}", "error: tags are not allowed"},
  });
}

TEST(YamlTest, WhatIsNotPrintableUtf8IsRefused) {
  Check({
      {"labels: {a: \xFF}", "error: must be valid UTF-8: byte 12 is not"},
      {"labels: {a: \xED\xA0\x80}", "error: must be valid UTF-8"},
      {"\xFF\xFEt\0:\0"sv, "error: must be valid UTF-8"},
      {"\xFE\xFF\0t\0:"sv, "error: must be valid UTF-8"},
      {"t\0a\0"sv, "error: control character \"\\x00\" at byte 1"},
      {"labels: {a: \x07}", "error: control character \"\\x07\" at byte 12"},
      {"{}\x04{}", "error: control character"},
      {"labels: {a: \x1B[31m}", "error: control character"},
      {"labels: {a: \x7F}", "error: control character"},
      {"labels: {a: \xC2\x9B}", "error: control character"},
      {"labels: {a: \xEF\xBF\xBE}", "error: control character"},
      {"labels: {a: x\xC2\x85y\xE2\x80\xA8z\xF0\x9F\x92\xA9}",
       "- / a=x\xC2\x85y\xE2\x80\xA8z\xF0\x9F\x92\xA9"},
  });
}

TEST(YamlTest, WhatDoesNotParseIsRefused) {
  for (const std::string_view body :
       {"targets: [a:1"sv, "targets: ]"sv, "targets:\n\t- a:1\n"sv, "labels: {a: 'b}"sv,
        "labels: {a: \"b}"sv, "labels: a: b"sv, "@"sv, "`"sv, "%"sv, "%YAML 3.0\n---\n{}"sv,
        "targets: [a:1]]"sv, "{targets: [a:1]"sv, "labels:\n  a: b\n c: d\n"sv, "*x"sv, "&x"sv,
        "!"sv}) {
    SCOPED_TRACE(Quote(body));
    ExpectOutcome(DecodeYaml(body), "error: body: ");
  }
}

TEST(YamlTest, AQuotedStringThatTheEndCutsOffIsRefused) {
  for (const std::string before :
       {"", "\xEF\xBB\xBF", "labels: {y: '\xC3\xA9\xF0\x9F\x92\xA9', z: \"\xC3\xA9\"}\r\n"}) {
    SCOPED_TRACE(Quote(before));
    for (const char* cut :
         {"'a:1\n", "\"a:1\n", "'a:1\n\n", "'a:1''\n", "\"a:1\\\"\n", "\"a:1\\\n", "'\n", "\"\n"}) {
      SCOPED_TRACE(Quote(cut));
      ExpectOutcome(DecodeYaml(before + "targets:\n  - " + cut), "error: ");
    }
    for (const char* whole : {"'a:1'", "'a:1'\n", "\"a:1\" # \"\n", "\"a:\\x31\"", "'a:1\n    '"}) {
      SCOPED_TRACE(Quote(whole));
      const auto data = DecodeYaml(before + "targets:\n  - " + whole);
      ASSERT_TRUE(data) << data.error().message;
      EXPECT_EQ(data->targets, std::vector{Target::FromStored("a:1")});
    }
  }
  Check({
      {"labels: {a: 'it''s', b: \"\\\"\"}", "- / a=it's b=\""},
      {"labels: {a: ''''}", "- / a='"},
      {"labels:\n  a: \"x\n", "error: not valid YAML: a quoted string has no end"},
  });
}

TEST(YamlTest, SyntaxErrorsNameTheirPlace) {
  Check({{"targets:\n  - 'a:1",
          "error: body: not valid YAML: line 2, column 9: \"illegal EOF in scalar\""}});
}

TEST(YamlTest, AMebibyteOfNestingIsRefused) {
  for (const std::string_view unit : {"["sv, "{"sv, "- "sv, "? "sv, "{a: "sv, "[]"sv, "[],"sv,
                                      "[{"sv, "{? "sv, "- - ["sv, "[a: "sv}) {
    for (const std::string_view before :
         {""sv, "targets: "sv, "targets: ["sv, "labels: {a: "sv, "x: "sv}) {
      SCOPED_TRACE(std::string(before) + std::string(unit));
      ExpectOutcome(DecodeYaml(std::string(before) + Mebibyte(unit)), "error: body: ");
    }
  }
}

TEST(YamlTest, AMebibyteOfAnythingHostileIsRefused) {
  for (const std::string_view unit :
       {"&a "sv, "*a "sv, "! "sv,  "!a "sv,    "---\n"sv, "--- {}\n"sv,   "\xEF\xBB\xBF"sv,
        ": "sv,  ", "sv,  "''"sv,  "\"\""sv,   "%A\n"sv,  "%TAG ! a\n"sv, "#"sv,
        "\n"sv,  "a"sv,   "a\n"sv, "a: b\n"sv, "|\n"sv,   "-\n"sv,        "&a [*a],"sv}) {
    SCOPED_TRACE(Quote(unit));
    ExpectOutcome(DecodeYaml(Mebibyte(unit)), "error: body: ");
    ExpectOutcome(DecodeYaml("[" + Mebibyte(unit)), "error: body: ");
  }
}

TEST(YamlTest, MoreFlowMarksThanTheLimitAreRefusedBeforeParsing) {
  std::string many = "targets: [b";
  for (int i = 0; i < 131'071; ++i) many += ",b";
  const auto data = DecodeYaml(many + "]", {.targets = 131'072});
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->targets->size(), 131'072);
  Check(
      {{many + ",b]", "error: too large: YAML may have at most 131072 of \"[\", \"{\" and \",\""}});
}

TEST(YamlTest, ALargeBodyIsReadWhole) {
  constexpr std::size_t kCount = 50'000;
  std::string block = "targets:\n";
  std::string flow = "targets: [";
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string target = "h" + std::to_string(i) + ":1";
    block += "- " + target + "\n";
    flow += (i == 0 ? "" : ", ") + target;
  }
  for (const std::string& body : {block, flow + "]"}) {
    const auto data = DecodeYaml(body);
    ASSERT_TRUE(data) << data.error().message;
    ASSERT_EQ(data->targets->size(), kCount);
    EXPECT_EQ(data->targets->back().text(), "h49999:1");
  }
}

}  // namespace
}  // namespace target_eye
