#include "codec/form.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "codec/testing/decode_outcome.h"

namespace target_eye {
namespace {

using namespace std::string_view_literals;

struct Row {
  std::string body;
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

TEST(FormTest, TargetsMayBeWrittenAsTheElementsOfAList) {
  Check({
      {"targets[]=a:1&targets[]=b:2", "a:1 b:2 / -"},
      {"targets%5B%5D=a:1,b:2", "a:1 b:2 / -"},
      {"targets[0]=b:2&targets[12]=a:1&x=y", "b:2 a:1 / x=y"},
      {"targets[1]=a:1&targets[1]=b:2&targets=c:3", "a:1 b:2 c:3 / -"},
      {"targets[]=", "/ -"},
  });
}

TEST(FormTest, ASlipIsNoLabel) {
  Check({
      {"target=a:1", "error: body: form key \"target\": expected targets, as in targets=a:1,b:2"},
      {"Targets=a:1", "error: form key \"Targets\": expected targets"},
      {"target[]=a:1", "error: form key \"target[]\": expected targets"},
      {"targets[x]=a:1", "error: form key \"targets[x]\": expected targets"},
      {"targets[0][1]=a:1", "error: form key \"targets[0][1]\": expected targets"},
      {"targets[=a:1", "error: form key \"targets[\": expected targets"},
      {"targets[0=a:1", "error: form key \"targets[0\": expected targets"},
      {"targets=a:1&labels=x", "error: form key \"labels\": expected each label's own name"},
      {"label=x", "error: form key \"label\": expected each label's own name"},
      {"LABELS=x", "error: form key \"LABELS\": expected each label's own name"},
      {"labels[]=x", "error: form key \"labels[]\": expected each label's own name"},
      {"labels[team]=x",
       "error: \"labels[team]\": expected the label's name alone, as in team=VALUE"},
      {"label%5Bteam%5D=x", "error: as in team=VALUE"},
      {"labels[a-b]=x", "error: form key \"labels[a-b]\": expected each label's own name"},
      {"labels[" + std::string(1'000'000, 'a') + "]=x", "error: expected each label's own name"},
      // Not slips of the two words.
      {"targets_=x&my_target=y&labels2=z", "- / labels2=z my_target=y targets_=x"},
  });
}

TEST(FormTest, WhatIsNoFormIsToldSo) {
  Check({
      {"{\"targets\":[\"a:1\"]}",
       "error: body: looks like JSON: send it with Content-Type: application/json, or curl --json"},
      {" [{\"targets\":[\"a:1\"]}]", "error: body: looks like JSON"},
      {"\xEF\xBB\xBF{}", "error: body: looks like JSON"},
      {"%7B%22targets%22%3A%5B%22a%3A1%22%5D%7D", "error: body: looks like JSON"},
      {"targets:\n  - a:1\n",
       "error: body: looks like YAML: send it with Content-Type: application/yaml"},
      {"targets:  - a:1labels:  x: y", "error: --data-binary @FILE"},
  });
}

TEST(FormTest, AByteOrderMarkIsSkipped) { Check({{"\xEF\xBB\xBFtargets=a:1", "a:1 / -"}}); }

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
