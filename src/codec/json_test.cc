#include "codec/json.h"

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
    ExpectOutcome(DecodeJson(row.body), row.outcome);
  }
}

TEST(JsonTest, PartsThatWereNotSentAreAbsentAndEmptyOnesEmpty) {
  Check({
      {R"({"targets": ["hostname1:15000","hostname2:15000"]})",
       "hostname1:15000 hostname2:15000 / -"},
      {R"({"targets": ["a:1"],"labels": {"key1":"value1"}})", "a:1 / key1=value1"},
      {R"({"labels":{"b":"2","a":"1"},"targets":["a:1"]})", "a:1 / a=1 b=2"},
      {R"({"labels":{"b":"2"}})", "- / b=2"},
      {R"({})", "- / -"},
      {R"({"targets":[]})", "/ -"},
      {R"({"labels":{}})", "- /"},
      {" \t\r\n{ \"targets\" : [ ] , \"labels\" : { } }\n ", "/"},
  });
}

TEST(JsonTest, RepeatedTargetsAreLeftForTheMethodToJudge) {
  Check({{R"({"targets":["a:1","a:1"]})", "a:1 a:1 / -"}});
}

TEST(JsonTest, CommaJoinedTargetsAreSplitAndTrimmed) {
  Check({
      {R"({"targets":["10.3.3.1:15000,10.3.3.2:15000"]})", "10.3.3.1:15000 10.3.3.2:15000 / -"},
      {R"({"targets":[" a:1 , b:2 ","\tc:3\n"]})", "a:1 b:2 c:3 / -"},
      {R"({"targets":["a:1,"]})", "error: targets \"a:1,\": has an empty element"},
      {R"({"targets":["a:1,,b:1"]})", "error: has an empty element"},
      {R"({"targets":[","]})", "error: has an empty element"},
      {R"({"targets":[""]})", "error: target \"\": is empty"},
      {R"({"targets":["  "]})", "error: target \"\": is empty"},
      {R"({"targets":["a:1,b:70000"]})", "error: target \"b:70000\": port must be 1-65535"},
  });
}

TEST(JsonTest, WhatGetAnswersWithIsABody) {
  Check({
      {"[{\"targets\":[\"a:1\"],\"labels\":{\"x\":\"y\"}}]\n", "a:1 / x=y"},
      {"[{}]", "- / -"},
      {"[]", "error: body: the list is empty; expected one object with targets and labels"},
      {R"([{"targets":["a:1"]},{"targets":["b:1"]}])",
       "error: body: expected one group in the list, found more"},
      {R"([{"targets":["a:1"]},null])", "error: group 2: expected an object"},
      {R"([["a:1"]])", "error: group 1: expected an object with targets and labels, found a list"},
      {R"(["a:1"])", "error: group 1: expected an object with targets and labels, found a string"},
      {R"([{"targets":["a:1"]})", "error: not valid JSON"},
      {R"([{"targets":["a:1"]}]])", "error: not valid JSON"},
      {R"([{"targets":[],"targets":[]}])", "error: key \"targets\": is given twice"},
  });
}

TEST(JsonTest, OnlyOneObjectIsABody) {
  Check({
      {"\"a:1\"", "error: found a string"},
      {"null", "error: found null"},
      {"true", "error: found a boolean"},
      {"1", "error: found a number"},
      {"-1.5e3", "error: found a number"},
      {"1e400", "error: found a number"},
      {"18446744073709551616", "error: found a number"},
  });
}

TEST(JsonTest, UnknownAndRepeatedKeysAreRefused) {
  Check({
      {R"({"target":["a:1"]})", "error: unknown key \"target\": expected targets or labels"},
      {R"({"Targets":["a:1"]})", "error: unknown key \"Targets\""},
      {R"({"":1})", "error: unknown key \"\""},
      {R"({"targets":["a:1"],"x":1})", "error: unknown key \"x\""},
      {R"({"targets\u0000":[]})", "error: unknown key \"targets\\x00\""},
      {R"({"targets":["a:1"],"targets":["b:1"]})", "error: key \"targets\": is given twice"},
      {R"({"labels":{},"labels":{}})", "error: key \"labels\": is given twice"},
      {R"({"targets":[],"t\u0061rgets":[]})", "error: key \"targets\": is given twice"},
      {R"({"labels":{"a":"1","a":"1"}})", "error: label \"a\": is given twice"},
      {R"({"labels":{"a":"1","\u0061":"2"}})", "error: label \"a\": is given twice"},
  });
}

TEST(JsonTest, TargetsAreAListOfStrings) {
  Check({
      {R"({"targets":"a:1"})", "error: targets: expected a list of strings, found a string"},
      {R"({"targets":{}})", "error: targets: expected a list of strings, found an object"},
      {R"({"targets":null})", "error: targets: expected a list of strings, found null"},
      {R"({"targets":1})", "error: targets: expected a list of strings, found a number"},
      {R"({"targets":["a:1",1]})", "error: targets: element 2: expected a string, found a number"},
      {R"({"targets":[null]})", "error: element 1: expected a string, found null"},
      {R"({"targets":[true]})", "error: found a boolean"},
      {R"({"targets":[["a:1"]]})", "error: found a list"},
      {R"({"targets":[{"a":1}]})", "error: found an object"},
      {R"({"targets":["http://a"]})", "error: target \"http://a\": is a URL"},
      {R"({"targets":["a\u0000b"]})", "error: target \"a\\x00b\""},
  });
}

TEST(JsonTest, LabelsAreAnObjectOfStrings) {
  Check({
      {R"({"labels":[]})", "error: labels: expected an object of strings, found a list"},
      {R"({"labels":"a"})", "error: labels: expected an object of strings, found a string"},
      {R"({"labels":null})", "error: labels: expected an object of strings, found null"},
      {R"({"labels":{"a":1}})", "error: label \"a\": expected a string, found a number"},
      {R"({"labels":{"a":1.10}})", "error: label \"a\": expected a string, found a number"},
      {R"({"labels":{"a":true}})", "error: label \"a\": expected a string, found a boolean"},
      {R"({"labels":{"a":null}})", "error: label \"a\": expected a string, found null"},
      {R"({"labels":{"a":["b"]}})", "error: label \"a\": expected a string, found a list"},
      {R"({"labels":{"a":{"b":"c"}}})", "error: label \"a\": expected a string, found an object"},
      {R"({"labels":{"a":""}})", "error: label \"a\": value is empty"},
      {R"({"labels":{"a-b":"c"}})", "error: label name \"a-b\""},
      {R"({"labels":{"":"c"}})", "error: label name \"\""},
      {R"({"labels":{"__scheme__":"https"}})", "- / __scheme__=https"},
  });
}

TEST(JsonTest, EscapesInStringsAreDecodedOnce) {
  Check({
      {R"({"labels":{"a":"\"\\\/\b\f\n\r\t"}})", "- / a=\"\\/\b\f\n\r\t"},
      {R"({"labels":{"\u0061":"\u00e9\u20AC\ud83d\udca9"}})",
       "- / a=\xC3\xA9\xE2\x82\xAC\xF0\x9F\x92\xA9"},
      {R"({"labels":{"a":"\\u0041"}})", "- / a=\\u0041"},
      {"{\"labels\":{\"a\":\"\xF0\x9F\x92\xA9\x7F\"}}", "- / a=\xF0\x9F\x92\xA9\x7F"},
  });
  // NUL is a code point like any other.
  const auto data = DecodeJson(R"({"labels":{"a":"x\u0000y"}})");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->labels->at("a"), "x\0y"sv);
}

TEST(JsonTest, WhatIsNotUtf8OrNotUnicodeIsRefused) {
  for (const std::string_view value :
       {"\xFF"sv, "\xC3"sv, "\xC0\x80"sv, "\xED\xA0\x80"sv, "\xF4\x90\x80\x80"sv, R"(\ud800)"sv,
        R"(\udc00)"sv, R"(\ud800\ud800)"sv, R"(\ud800x)"sv, R"(\ud800\n)"sv, R"(\uDBFF\u0041)"sv,
        R"(\ud83d\)"sv}) {
    const std::string text(value);
    Check({
        {"{\"labels\":{\"a\":\"" + text + "\"}}", "error: not valid JSON"},
        {"{\"labels\":{\"" + text + "\":\"a\"}}", "error: not valid JSON"},
        {"{\"targets\":[\"" + text + "\"]}", "error: not valid JSON"},
    });
  }
}

TEST(JsonTest, NothingButJsonIsTaken) {
  for (const std::string_view body : {" "sv,
                                      "\n"sv,
                                      "{"sv,
                                      "}"sv,
                                      "{]"sv,
                                      R"({"targets")"sv,
                                      R"({"targets":)"sv,
                                      R"({"targets":[)"sv,
                                      R"({"targets":["a:1")"sv,
                                      R"({"targets":["a:1"])"sv,
                                      R"({"targets":["a:1",]})"sv,
                                      R"({"targets":["a:1"],})"sv,
                                      R"({"targets":["a:1" "b:1"]})"sv,
                                      R"({"targets" ["a:1"]})"sv,
                                      R"({'targets':[]})"sv,
                                      R"({targets:[]})"sv,
                                      R"({"labels":{"a":"b",}})"sv,
                                      "{,}"sv,
                                      R"({"labels":{"a"}})"sv,
                                      R"({"labels":{"a":"\x"}})"sv,
                                      R"({"labels":{"a":"\u12"}})"sv,
                                      "{\"labels\":{\"a\":\"\n\"}}"sv,
                                      "{\"labels\":{\"a\":\"\t\"}}"sv,
                                      "{\"labels\":{\"a\":\"\0\"}}"sv,
                                      R"({} {})"sv,
                                      R"({}x)"sv,
                                      R"({},)"sv,
                                      "{}\0"sv,
                                      "\0{}"sv,
                                      "\xEF\xBB\xBF"sv,
                                      "\xEF\xBB\xBF\xEF\xBB\xBF{}"sv,
                                      " \xEF\xBB\xBF{}"sv,
                                      "\v{}"sv,
                                      "/**/{}"sv,
                                      "{}//"sv,
                                      "{\"targets\":[]/**/}"sv,
                                      "{\"labels\":{\"a\":\"b}}"sv,
                                      "\xFF\xFE{\0}\0"sv,
                                      "{\xC2\xA0}"sv,
                                      "targets=a:1"sv,
                                      "nul"sv,
                                      "NaN"sv,
                                      "{} null"sv}) {
    SCOPED_TRACE(Quote(body));
    ExpectOutcome(DecodeJson(body), "error: body: not valid JSON");
  }
}

TEST(JsonTest, AByteOrderMarkIsSkipped) {
  Check({{"\xEF\xBB\xBF{\"targets\":[\"a:1\"]}", "a:1 / -"}});
}

TEST(JsonTest, FaultsAreNamedByTheirPlace) {
  const std::string start = "error: body: not valid JSON: line ";
  Check({
      {R"({"targets":[]} x)",
       start + R"(1, column 16: expected nothing after the document, found "x")"},
      {"{\n  \"targets\": [\"a:1\",]\n}", start + "2, column 21: syntax error, found \"]\""},
      {"{'targets': []}", start + "1, column 2: syntax error, found \"'\""},
      {"{\"labels\": {\"a\": \"\xC3\xA9\xC3\xA9\" x", start + "1, column 23: "},
      {"\xEF\xBB\xBF{\r\nx", start + "2, column 1: syntax error, found \"x\""},
      {"{\"targets\":\n[", start + "2, column 2: incomplete JSON, found the end"},
      {" ", start + "1, column 2: incomplete JSON, found the end"},
      {"{\xC3\xA9", start + "1, column 2: syntax error, found \"\xC3\xA9\""},
      {"{\xFF", start + "1, column 2: syntax error, found \"\\xff\""},
  });
}

TEST(JsonTest, DeepNestingIsRefusedWhereItBegins) {
  constexpr std::size_t kMany = 1'000'000;
  std::string maps;
  for (std::size_t i = 0; i < 100'000; ++i) maps += R"({"a":)";
  Check({
      {std::string(kMany, '['), "error: group 1: expected an object"},
      {R"({"targets":)" + std::string(kMany, '['),
       "error: element 1: expected a string, found a list"},
      {R"({"labels":{"a":)" + maps, "error: label \"a\": expected a string, found an object"},
      {R"({"x":)" + std::string(40, '[') + std::string(40, ']') + "}", "error: unknown key"},
  });
}

TEST(JsonTest, ALargeBodyIsReadWhole) {
  constexpr std::size_t kCount = 50'000;
  std::string body = R"({"targets":[)";
  for (std::size_t i = 0; i < kCount; ++i) {
    body += (i == 0 ? "\"h" : ",\"h") + std::to_string(i) + ":1\"";
  }
  const auto data = DecodeJson(body + "]}");
  ASSERT_TRUE(data);
  ASSERT_EQ(data->targets->size(), kCount);
  EXPECT_EQ(data->targets->back().text(), "h49999:1");
}

}  // namespace
}  // namespace target_eye
