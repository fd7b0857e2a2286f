#include "model/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_view_literals;

void ExpectRefused(std::string_view text, const std::string& message_part) {
  const auto target = Target::Parse(text);
  ASSERT_FALSE(target) << Quote(text) << " was taken";
  EXPECT_EQ(target.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(target.error().message, StartsWith("target " + Quote(text) + ": "));
  EXPECT_THAT(target.error().message, HasSubstr(message_part));
}

std::string NameOfBytes(std::size_t bytes) {
  std::string name;
  while (name.size() + 2 < bytes) name += "a.";
  name += std::string(bytes - name.size(), 'b');
  return name;
}

TEST(TargetTest, HostsWithAndWithoutPortAreKeptAsWritten) {
  for (const char* text : {"localhost:1234",
                           "localhost",
                           "ackme.dal:12345",
                           "dartr.hou.flightaware.com:15123",
                           "10.3.3.1:15000",
                           "10.3.3.2",
                           "0.0.0.0",
                           "255.255.255.255:65535",
                           "a:1",
                           "A.Example.COM:80",
                           "under_score.host:1",
                           "_srv._tcp.host",
                           "a--b",
                           "xn--caf-dma.example:9100",
                           "host.:9100",
                           "host.",
                           "1host:1",
                           "3com.com",
                           "1.2.3.a:1",
                           "[::1]:9100",
                           "[::]",
                           "[2001:db8::1]:80",
                           "[1:2:3:4:5:6:7:8]",
                           "[::ffff:10.0.0.1]:1",
                           "[FE80::A]:9"}) {
    const auto target = Target::Parse(text);
    ASSERT_TRUE(target) << text << ": " << target.error().message;
    EXPECT_EQ(target->text(), text);
  }
}

TEST(TargetTest, PortAbove65535IsRefused) {
  EXPECT_EQ(Target::Parse("a:70000").error().message, "target \"a:70000\": port must be 1-65535");
  ExpectRefused("dartr.hou.flightaware.com:151234", "port must be 1-65535");
  ExpectRefused("a:65536", "port must be 1-65535");
  ExpectRefused("a:99999", "port must be 1-65535");
  ExpectRefused("a:100000", "port must be 1-65535");
  ExpectRefused("a:18446744073709551617", "port must be 1-65535");
  ExpectRefused("[::1]:65536", "port must be 1-65535");
}

TEST(TargetTest, ZerosMayLeadAPortAndAreKept) {
  for (const char* text : {"a:080", "a:0080", "[::1]:00001", "a:0000000000065535"}) {
    const auto target = Target::Parse(text);
    ASSERT_TRUE(target) << text << ": " << target.error().message;
    EXPECT_EQ(target->text(), text);
  }
  EXPECT_NE(*Target::Parse("a:80"), *Target::Parse("a:0080"));
  ExpectRefused("a:0000000000000", "port must be 1-65535");
  ExpectRefused("a:070000", "port must be 1-65535");
  ExpectRefused("a:" + std::string(16, '0') + "1", "port must be 1-65535, in at most 16 digits");
}

TEST(TargetTest, PortIsAsciiDigitsOnly) {
  ExpectRefused("a:", "port is empty");
  ExpectRefused("[::1]:", "port is empty");
  for (const std::string_view port : {"0"sv, "00"sv, "+80"sv, "-1"sv, "0x50"sv, "8_0"sv, "80a"sv,
                                      "http"sv, "1e3"sv, "8.0"sv, "80\0"sv}) {
    ExpectRefused("a:" + std::string(port), "1-65535");
  }
  ExpectRefused("a:\xD9\xA1", "ASCII");
}

TEST(TargetTest, WhatPeopleSendByMistakeGetsAHint) {
  ExpectRefused("", "is empty");
  ExpectRefused("http://a:80/metrics", "is a URL");
  ExpectRefused("https://a", "__scheme__");
  ExpectRefused("a:80/metrics", "__metrics_path__");
  ExpectRefused("a?x=1", "path");
  ExpectRefused("a b:80", "space");
  ExpectRefused(" a:80", "space");
  ExpectRefused("a:80 ", "space");
  ExpectRefused("a:80\n", "space");
  ExpectRefused("caf\xC3\xA9:80", "punycode");
  ExpectRefused("user@host:80", "user name");
  ExpectRefused("a:1,b:1", "more than one \":\"");
  ExpectRefused("::1", "brackets");
  ExpectRefused("2001:db8::1", "brackets");
  ExpectRefused("a:1:2", "more than one \":\"");
}

TEST(TargetTest, HostnamesFollowRfc1123WithUnderscores) {
  ExpectRefused(":80", "host is empty");
  ExpectRefused(".", "empty label");
  ExpectRefused("..", "empty label");
  ExpectRefused(".a", "empty label");
  ExpectRefused("a..b", "empty label");
  ExpectRefused("a..", "empty label");
  ExpectRefused("-a", "begin or end with \"-\"");
  ExpectRefused("a-:1", "begin or end with \"-\"");
  ExpectRefused("a.-b.c", "begin or end with \"-\"");
  ExpectRefused("a.b-.c", "begin or end with \"-\"");
  ExpectRefused("-", "begin or end with \"-\"");
  for (const char c : std::string("!\"$%&'()*+,;<=>\\^`{|}~]")) {
    ExpectRefused(std::string("a") + c + "b", "must not hold " + Quote({&c, 1}));
  }
  ExpectRefused("a\0b"sv, "must not hold \"\\x00\"");
  ExpectRefused("a\x7F", "must not hold \"\\x7f\"");
}

TEST(TargetTest, HostLabelsHaveAtMost63Characters) {
  EXPECT_TRUE(Target::Parse(std::string(63, 'a') + "." + std::string(63, 'b') + ":1"));
  ExpectRefused(std::string(64, 'a'), "at most 63");
  ExpectRefused("a." + std::string(64, 'b'), "at most 63");
}

TEST(TargetTest, HostsHaveAtMost253CharactersBesideATrailingDot) {
  EXPECT_TRUE(Target::Parse(NameOfBytes(253) + ":65535"));
  EXPECT_TRUE(Target::Parse(NameOfBytes(253) + "."));
  ExpectRefused(NameOfBytes(254), "at most 253");
}

TEST(TargetTest, ANameThatEndsInDigitsMustBeAFullIpv4Address) {
  for (const char* text :
       {"1", "127.1", "10.0.0", "10.0.0.256", "1.2.3.4.5", "010.0.0.1", "10.0.0.01", "1.2.3.4.",
        "a.1", "host.123:80", "1.2.3.999:1", "12345", "a_.5"}) {
    ExpectRefused(text, "not a full IPv4 address");
  }
}

TEST(TargetTest, BracketsHoldAnIpv6AddressWithoutZone) {
  for (const std::string_view text :
       {"[]"sv, "[1]"sv, "[:::]"sv, "[1:2:3:4:5:6:7]"sv, "[1:2:3:4:5:6:7:8:9]"sv, "[1::2::3]"sv,
        "[12345::]"sv, "[::g]"sv, "[::1%eth0]"sv, "[10.0.0.1]"sv, "[::1.2.3]"sv, "[host]:80"sv,
        "[::1\0]"sv, "[1:2:3:4::5:6:7:8]"sv}) {
    ExpectRefused(text, "not an IPv6 address");
  }
  ExpectRefused("[::1", "\"]\" is missing");
  ExpectRefused("[::1]80", "only a port may follow");
  ExpectRefused("[::1]]:80", "only a port may follow");
  ExpectRefused("[::1]:0", "1-65535");
}

TEST(TargetTest, LongTextIsCutInTheMessage) {
  const auto target = Target::Parse(std::string(1'000'000, 'a'));
  ASSERT_FALSE(target);
  EXPECT_LT(target.error().message.size(), 300);
}

}  // namespace
}  // namespace target_eye
