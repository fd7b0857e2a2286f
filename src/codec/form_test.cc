#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "codec/body.h"
#include "codec/decode_testing.h"

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
    ExpectOutcome(DecodeForm(row.body), row.outcome);
  }
}

TEST(FormTest, TargetsAreACommaSeparatedListThatMayRepeat) {
  Check({
      {"targets=hostname1:15000,hostname2:15000", "hostname1:15000 hostname2:15000 / -"},
      {"targets=a:1&targets=b:2,c:3", "a:1 b:2 c:3 / -"},
      {"targets=a:1&targets=a:1", "a:1 a:1 / -"},
      {"targets=a%3A1%2Cb%3A2", "a:1 b:2 / -"},
      {"targets=+a:1+,%20b:2%09", "a:1 b:2 / -"},
      {"t%61rgets=a:1", "a:1 / -"},
  });
}

TEST(FormTest, ABlankTargetsFieldIsTheEmptyList) {
  Check({
      {"targets=", "/ -"},
      {"targets", "/ -"},
      {"targets=+%20", "/ -"},
      {"targets=&x=1", "/ x=1"},
      {"targets=&targets=a:1", "a:1 / -"},
  });
}

TEST(FormTest, AnEmptyElementBetweenCommasIsRefused) {
  Check({
      {"targets=a:1,", "error: targets \"a:1,\": has an empty element"},
      {"targets=a:1,,b:2", "error: has an empty element"},
      {"targets=,a:1", "error: has an empty element"},
      {"targets=,", "error: has an empty element"},
      {"targets=a:1,+,b:2", "error: has an empty element"},
  });
}

TEST(FormTest, EveryOtherKeyIsALabel) {
  Check({
      {"targets=a:1&label1=value1&label2=value2", "a:1 / label1=value1 label2=value2"},
      {"zone=x", "- / zone=x"},
      {"labels=x", "- / labels=x"},
      {"job=j&env=e", "- / env=e job=j"},
      {"__scheme__=https", "- / __scheme__=https"},
      {"a=b=c", "- / a=b=c"},
      {"a=b+c%2Bd%26e", "- / a=b c+d&e"},
      {"a=caf%C3%A9", "- / a=caf\xC3\xA9"},
      {"a=caf\xC3\xA9", "- / a=caf\xC3\xA9"},
      {"a=%2541", "- / a=%41"},
      {"a=+", "- / a= "},
  });
}

TEST(FormTest, ALabelGivenTwiceHasOneValue) {
  Check({
      {"a=1&a=1", "- / a=1"},
      {"a=1&a=2", "error: label \"a\": is given twice, as \"1\" and as \"2\""},
      {"a=1&b=1&%61=2", "error: label \"a\": is given twice"},
  });
}

TEST(FormTest, LabelsAreCheckedAsEverywhere) {
  Check({
      {"zone", "error: label \"zone\": value is empty"},
      {"zone=", "error: label \"zone\": value is empty"},
      {"a-b=1", "error: label name \"a-b\""},
      {"=1", "error: label name \"\""},
      {"=", "error: label name \"\""},
      {"a+=1", "error: label name \"a \""},
      {" a=1", "error: label name \" a\""},
      {"{\"targets\":[\"a:1\"]}", "error: label name"},
      {"a=1;b=2", "- / a=1;b=2"},
  });
}

TEST(FormTest, SeparatorsAloneSayNothing) {
  Check({
      {"&", "- / -"},
      {"&&&", "- / -"},
      {"&a=1&&b=2&", "- / a=1 b=2"},
  });
}

TEST(FormTest, BrokenEscapesAreRefused) {
  Check({
      {"a=%", "error: expected two hex digits"},
      {"a=%4", "error: expected two hex digits"},
      {"a=%zz", "error: expected two hex digits"},
      {"%=1", "error: expected two hex digits"},
      {"targets=a:1%2", "error: expected two hex digits"},
      {"a=%+41", "error: expected two hex digits"},
      {"a=1&b=%u0041", "error: expected two hex digits"},
  });
}

TEST(FormTest, TextMustBeUtf8AfterDecoding) {
  Check({
      {"a=%FF", "error: must be valid UTF-8"},
      {"a=\xFF", "error: must be valid UTF-8"},
      {"a=%ED%A0%80", "error: must be valid UTF-8"},
      {"%C3=1", "error: must be valid UTF-8"},
      {"a=%C3%A9", "- / a=\xC3\xA9"},
      {"targets=%FF", "error: must be valid UTF-8"},
  });
}

TEST(FormTest, NulIsACodePointLikeAnyOther) {
  const auto data = DecodeForm("a=x%00y");
  ASSERT_TRUE(data);
  EXPECT_EQ(data->labels->at("a"), "x\0y"sv);
  ExpectOutcome(DecodeForm("targets=a%00"), "error: target \"a\\x00\"");
}

TEST(FormTest, MessagesNameTheBodyAndTheTarget) {
  Check({{"targets=a:1,b:70000", "error: body: target \"b:70000\": port must be 1-65535"}});
}

}  // namespace
}  // namespace target_eye
