#include "http/wire/framing_gate.h"

#include <gmock/gmock.h>

#include <cctype>

#include "http/wire/request_parser.h"

namespace target_eye {
namespace {

constexpr std::string_view kHead = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";

TEST(HeadScannerTest, FindsTheEndWhereverTheBytesAreSplit) {
  const std::string input = std::string(kHead) + "BODY\n\r";
  for (std::size_t split = 0; split < kHead.size(); ++split) {
    HeadScanner scanner({});
    EXPECT_EQ(scanner.Scan(input.substr(0, split)).value(), 0U) << split;
    EXPECT_EQ(scanner.Scan(input).value(), kHead.size()) << split;
  }
}

TEST(HeadScannerTest, ResetBeginsAnew) {
  HeadScanner scanner({});
  EXPECT_EQ(scanner.Scan("GET / HTTP/1.1\r\nHo").value(), 0U);
  scanner.Reset();
  EXPECT_EQ(scanner.Scan("G / HTTP/1.1\r\n\r\n").value(), 16U);
}

TEST(HeadScannerTest, LineEndsOtherThanCrLfAreRefusedAtOnce) {
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\n", "GET /\rX", "GET / HTTP/1.1\r\nA: b\n", "GET / HTTP/1.1\r\nA: b\r\r",
        "GET / HTTP/1.1\r\nA: b\r\n\n", "\r\n", "\n"}) {
    HeadScanner scanner({});
    const auto scanned = scanner.Scan(bytes);
    ASSERT_FALSE(scanned.has_value()) << bytes;
    EXPECT_EQ(scanned.error().status, 400) << bytes;
  }
}

TEST(HeadScannerTest, LimitsAreRefusedBeforeTheHeaderIsWhole) {
  const HeadLimits limits{.header_bytes = 100, .target_bytes = 50, .fields = 3};
  const auto status = [&](std::string_view bytes) {
    HeadScanner scanner(limits);
    const auto scanned = scanner.Scan(bytes);
    return scanned ? 0 : scanned.error().status;
  };
  EXPECT_EQ(status("GET " + std::string(50, 'a')), 0);
  EXPECT_EQ(status("GET " + std::string(51, 'a')), 414);
  EXPECT_EQ(status("GET " + std::string(51, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), 414);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nA: " + std::string(81, 'a')), 0);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nA: " + std::string(82, 'a')), 431);
  EXPECT_EQ(status(std::string(101, 'G')), 431);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nA: b\r\nA: b\r\nA: b\r\n\r\n"), 0);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n"), 431);
}

TEST(HeadScannerTest, WhatFollowsTheHeaderDoesNotCount) {
  HeadScanner scanner({.header_bytes = kHead.size(), .target_bytes = 1, .fields = 2});
  EXPECT_EQ(scanner.Scan(std::string(kHead) + std::string(1000, '\n')).value(), kHead.size());
}

TEST(CheckHeadBytesTest, WellFormedHeadersPass) {
  for (const std::string_view head :
       {kHead, std::string_view("OPTIONS * HTTP/1.0\r\n\r\n"),
        std::string_view("M-SEARCH /%2f?a=%41&b HTTP/1.1\r\n\r\n"),
        std::string_view(
            "GET / HTTP/1.1\r\nA:\r\nB: \t \r\nc!#$%&'*+-.^_`|~1:x\xc3\xa4\ty\r\n\r\n")}) {
    const auto refusal = CheckHeadBytes(head);
    EXPECT_FALSE(refusal.has_value()) << head;
  }
}

// Every byte that a place in the header may not hold is refused there, and every other one is not.
TEST(CheckHeadBytesTest, EachByteIsAllowedOnlyWhereTheGrammarHasIt) {
  const std::string_view token_marks = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; ++c) {
    const char ch = static_cast<char>(c);
    const bool alnum = c < 128 && std::isalnum(c) != 0;
    const bool token = alnum || (c < 128 && c > 0 && token_marks.contains(ch));
    const bool target = c > 0x20 && c < 0x7f && ch != '#' && ch != '%';
    const bool value = c == '\t' || (c >= 0x20 && c != 0x7f);
    const auto passes = [](const std::string& head) { return !CheckHeadBytes(head).has_value(); };
    using namespace std::string_literals;
    EXPECT_EQ(passes("G"s + ch + "T / HTTP/1.1\r\n\r\n"), token) << c;
    EXPECT_EQ(passes("GET /"s + ch + "a HTTP/1.1\r\n\r\n"), target) << c;
    EXPECT_EQ(passes("GET / HTTP/1.1\r\nA"s + ch + "b: c\r\n\r\n"), token || ch == ':') << c;
    EXPECT_EQ(passes("GET / HTTP/1.1\r\nA: b"s + ch + "c\r\n\r\n"), value) << c;
    EXPECT_EQ(passes("GET / HTTP/1."s + ch + "\r\n\r\n"), ch == '0' || ch == '1') << c;
  }
}

TEST(CheckHeadBytesTest, UnknownVersionsAre505AndMalformedOnes400) {
  const auto status = [](std::string_view version) {
    const auto refusal = CheckHeadBytes("GET / " + std::string(version) + "\r\n\r\n");
    return refusal ? refusal->status : 0;
  };
  for (const std::string_view version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"}) {
    EXPECT_EQ(status(version), 505) << version;
  }
  for (const std::string_view version :
       {"", "HTTP", "HTTP/1", "HTTP/1.", "HTTP/11", "HTTP/1.1.", "http/1.1", "HTTP/+1.1",
        "HTTPS/1.1", "HTTP/1,1", "HTTP/1.1 x"}) {
    EXPECT_EQ(status(version), 400) << version;
  }
}

TEST(CheckHeadBytesTest, APercentNeedsTwoHexDigitsToTheLastByte) {
  for (const std::string_view target : {"/%", "/%4", "/%4g", "/%g4", "/%%41", "/?%", "/%-1"}) {
    const auto refusal = CheckHeadBytes("GET " + std::string(target) + " HTTP/1.1\r\n\r\n");
    ASSERT_TRUE(refusal.has_value()) << target;
    EXPECT_EQ(refusal->status, 400);
  }
}

TEST(ParseRequestHeadTest, PointsIntoTheBytesWithValuesTrimmed) {
  const std::string bytes = "PUT /a?b HTTP/1.0\r\nHost: \t h \r\nX-Empty:\r\nx-empty: 2\r\n\r\n";
  RequestHead head;
  ASSERT_FALSE(ParseRequestHead(bytes, head).has_value());
  EXPECT_EQ(head.method, "PUT");
  EXPECT_EQ(head.target, "/a?b");
  EXPECT_EQ(head.target.data(), bytes.data() + 4);
  EXPECT_EQ(head.version, 10);
  ASSERT_EQ(head.fields.size(), 3U);
  EXPECT_EQ(head.fields[0].id, boost::beast::http::field::host);
  EXPECT_EQ(head.fields[0].value, "h");
  EXPECT_EQ(head.fields[1].value, "");
  EXPECT_EQ(head.fields[2].name, "x-empty");
  EXPECT_EQ(head.fields[2].value, "2");
}

TEST(HeadScannerTest, OfTwoFaultsTheFirstCountsInWhateverPiecesTheyArrive) {
  const std::string bytes = "GET / HTTP/1.1\r\na: b\r\nc: d\r\ne: f\r\nbare\n";
  const HeadLimits limits{.header_bytes = 1000, .target_bytes = 100, .fields = 2};
  HeadScanner whole(limits);
  const auto at_once = whole.Scan(bytes);
  ASSERT_FALSE(at_once.has_value());
  EXPECT_EQ(at_once.error().status, 431);
  HeadScanner bit_by_bit(limits);
  std::size_t size = 0;
  auto scanned = bit_by_bit.Scan(bytes.substr(0, size));
  while (scanned.has_value() && size < bytes.size())
    scanned = bit_by_bit.Scan(bytes.substr(0, ++size));
  ASSERT_FALSE(scanned.has_value());
  EXPECT_EQ(scanned.error().message, at_once.error().message);
}

}  // namespace
}  // namespace target_eye
