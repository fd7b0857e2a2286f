#include "model/scrape_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex.h>

#include <string>
#include <string_view>
#include <vector>

namespace target_eye {
namespace {

using testing::HasSubstr;

std::string MessageOf(const Labels* before, const Labels& after) {
  const auto checked = CheckScrapeLabels(before, after);
  if (checked) return "";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalid);
  return checked.error().message;
}

TEST(ScrapeLabelsTest, DurationsArePrometheuss) {
  for (const char* value :
       {"1s", "30s", "1m", "1m30s", "500ms", "1ms", "1h", "1d", "1w", "1y", "1y2w3d4h5m6s7ms",
        "90m", "007s", "0h1s", "292y", "9223372036854ms", "15250w1d"}) {
    EXPECT_EQ(MessageOf(nullptr, {{"__scrape_interval__", value}}), "") << value;
    EXPECT_EQ(MessageOf(nullptr, {{"__scrape_timeout__", value}}), "") << value;
  }
}

TEST(ScrapeLabelsTest, WhatIsNoDurationIsRefused) {
  for (const char* value : {"30",
                            "s",
                            "30 s",
                            " 30s",
                            "30s ",
                            "+30s",
                            "-30s",
                            "1.5m",
                            "30S",
                            "30sec",
                            "5 minutes",
                            "1s1m",
                            "1s1s",
                            "1m1m",
                            "1ms1s",
                            "1M",
                            "1us",
                            "1ns",
                            "${INTERVAL}",
                            "\"30s\"",
                            "1h-",
                            "293y",
                            "9223372036855ms",
                            "292y9999w",
                            "99999999999999999999999ms",
                            "18446744073709551616s",
                            "00",
                            "1s\n"}) {
    for (const std::string name : {"__scrape_interval__", "__scrape_timeout__"}) {
      EXPECT_EQ(MessageOf(nullptr, {{name, value}}),
                "label \"" + name +
                    "\": expected a duration as Prometheus writes it, such as 30s, 1m30s or 500ms, "
                    "found " +
                    Quote(value))
          << value;
    }
  }
}

// By the expression that Prometheus has for them.
TEST(ScrapeLabelsTest, EveryShortTextIsJudgedAsPrometheusDoes) {
  regex_t duration;
  ASSERT_EQ(regcomp(&duration,
                    "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
                    REG_EXTENDED | REG_NOSUB),
            0);
  constexpr std::string_view kAlphabet = "01ywdhms";
  constexpr std::size_t kMaxLength = 4;
  std::vector<std::string> texts = {""};
  int durations = 0;
  for (std::size_t next = 0; next < texts.size(); ++next) {
    if (texts[next].size() < kMaxLength) {
      for (const char c : kAlphabet) texts.push_back(texts[next] + c);
    }
    if (next == 0) continue;
    const std::string& text = texts[next];
    const bool expected =
        text.contains('1') && regexec(&duration, text.c_str(), 0, nullptr, 0) == 0;
    EXPECT_EQ(MessageOf(nullptr, {{"__scrape_interval__", text}}).empty(), expected) << text;
    durations += expected;
  }
  regfree(&duration);
  EXPECT_GT(durations, 100);
}

TEST(ScrapeLabelsTest, NothingIsNotOften) {
  for (const char* value : {"0", "0s", "0ms", "0h0m"}) {
    EXPECT_THAT(MessageOf(nullptr, {{"__scrape_interval__", value}}),
                HasSubstr("expected a duration above 0"));
    EXPECT_THAT(MessageOf(nullptr, {{"__scrape_timeout__", value}}),
                HasSubstr("expected a duration above 0"));
  }
}

TEST(ScrapeLabelsTest, ATimeoutIsAtMostTheInterval) {
  EXPECT_EQ(MessageOf(nullptr, {{"__scrape_interval__", "1m"}, {"__scrape_timeout__", "60s"}}), "");
  EXPECT_EQ(MessageOf(nullptr, {{"__scrape_interval__", "1m"}, {"__scrape_timeout__", "61s"}}),
            "label \"__scrape_timeout__\": \"61s\" is longer than \"__scrape_interval__\", \"1m\"; "
            "expected at most that");
}

TEST(ScrapeLabelsTest, TheSchemeIsHttpOrHttps) {
  EXPECT_EQ(MessageOf(nullptr, {{"__scheme__", "http"}}), "");
  EXPECT_EQ(MessageOf(nullptr, {{"__scheme__", "https"}}), "");
  for (const char* value : {"HTTPS", "https:", "https://", "ftp", " http", "tcp"}) {
    EXPECT_EQ(MessageOf(nullptr, {{"__scheme__", value}}),
              std::string("label \"__scheme__\": expected http or https, found ") + Quote(value));
  }
}

TEST(ScrapeLabelsTest, OtherLabelsMayHoldAnything) {
  EXPECT_EQ(MessageOf(nullptr, {{"__metrics_path__", "x"},
                                {"__param_x", "30"},
                                {"__scheme", "x"},
                                {"scheme", "x"},
                                {"scrape_interval", "x"}}),
            "");
}

TEST(ScrapeLabelsTest, WhatWasThereBeforeIsNotJudged) {
  const Labels before = {
      {"__scheme__", "x"}, {"__scrape_interval__", "5"}, {"__scrape_timeout__", "1h"}};
  Labels after = before;
  after["team"] = "x";
  EXPECT_EQ(MessageOf(&before, after), "");
  EXPECT_EQ(MessageOf(&before, {}), "");
  after["__scrape_timeout__"] = "2h";
  EXPECT_EQ(MessageOf(&before, after), "");
  after["__scheme__"] = "y";
  EXPECT_THAT(MessageOf(&before, after), HasSubstr("__scheme__"));

  const Labels long_timeout = {{"__scrape_interval__", "1m"}, {"__scrape_timeout__", "1h"}};
  Labels changed = long_timeout;
  changed["team"] = "x";
  EXPECT_EQ(MessageOf(&long_timeout, changed), "");
  changed["__scrape_interval__"] = "2m";
  EXPECT_THAT(MessageOf(&long_timeout, changed), HasSubstr("is longer than"));
}

}  // namespace
}  // namespace target_eye
