#include "http/wire/forwarded.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace target_eye {
namespace {

using boost::beast::http::field;

using Lines = std::vector<std::pair<std::string, std::string>>;

ForwardedFor Find(const Lines& lines) {
  std::vector<RequestField> fields;
  for (const auto& [name, value] : lines) {
    fields.push_back({boost::beast::http::string_to_field(name), name, value});
  }
  static const TrustedProxies trusted =
      *TrustedProxies::Parse({"10.0.0.0/8", "fd00::/8", "127.0.0.1"});
  ForwardedFor found = FindForwardedFor(fields, trusted);
  if (found.scheme.empty()) found.scheme = "";
  return found;
}

// The client, or `none`.
std::string ClientOf(const Lines& lines) {
  const auto found = Find(lines);
  return found.client ? found.client->Text() : "none";
}
std::string UsualClient(const std::string& value) { return ClientOf({{"X-Forwarded-For", value}}); }
std::string StandardClient(const std::string& value) { return ClientOf({{"Forwarded", value}}); }

TEST(ForwardedForTest, TheLastThatIsNoTrustedProxyIsTheClient) {
  EXPECT_EQ(UsualClient("203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(UsualClient("203.0.113.9, 10.0.0.2"), "203.0.113.9");
  EXPECT_EQ(UsualClient("203.0.113.9,10.0.0.2 ,\t10.0.0.3"), "203.0.113.9");
  EXPECT_EQ(UsualClient("198.51.100.1, 203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(UsualClient("198.51.100.1, 203.0.113.9, 10.0.0.2"), "203.0.113.9");
}

TEST(ForwardedForTest, OfTrustedProxiesAloneTheFirstIsTheClient) {
  EXPECT_EQ(UsualClient("10.0.0.1, 10.0.0.2"), "10.0.0.1");
}

TEST(ForwardedForTest, LinesAreOneList) {
  EXPECT_EQ(ClientOf({{"X-Forwarded-For", "198.51.100.1"}, {"x-forwarded-for", "203.0.113.9"}}),
            "203.0.113.9");
  EXPECT_EQ(ClientOf({{"X-Forwarded-For", "203.0.113.9"}, {"X-FORWARDED-FOR", "10.0.0.2"}}),
            "203.0.113.9");
  EXPECT_EQ(ClientOf({{"Forwarded", "for=198.51.100.1"}, {"forwarded", "for=203.0.113.9"}}),
            "203.0.113.9");
}

TEST(ForwardedForTest, WhatIsNoAddressEndsTheWayAtTheNearestThatIsKnown) {
  for (const std::string junk :
       {"unknown", "_hidden", "unix:", "", "localhost", "203.0.113.9.1", "203.0.113.9:x",
        "\"203.0.113.9\"", "203.0.113.9 203.0.113.8", "fe80::1%eth0"}) {
    EXPECT_EQ(UsualClient(junk), "none") << junk;
    EXPECT_EQ(UsualClient("198.51.100.1, " + junk), "none") << junk;
    EXPECT_EQ(UsualClient("198.51.100.1, " + junk + ", 10.0.0.2"), "10.0.0.2") << junk;
    EXPECT_EQ(UsualClient(junk + ", 203.0.113.9"), "203.0.113.9") << junk;
    EXPECT_EQ(ClientOf({{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-For", junk}}), "none")
        << junk;
  }
  EXPECT_EQ(UsualClient(std::string(10'000, '1')), "none");
}

TEST(ForwardedForTest, AddressesMayHaveBracketsAndPorts) {
  EXPECT_EQ(UsualClient("203.0.113.9:4711"), "203.0.113.9:4711");
  EXPECT_EQ(UsualClient("2001:DB8::1"), "[2001:db8::1]");
  EXPECT_EQ(UsualClient("[2001:db8::1]:4711, fd00::2"), "[2001:db8::1]:4711");
  EXPECT_EQ(UsualClient("::ffff:203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(UsualClient("203.0.113.9, ::ffff:10.0.0.2"), "203.0.113.9");
}

TEST(ForwardedForTest, MoreProxiesThanABoundAreNotFollowed) {
  const auto chain = [](int hops) {
    std::string list = "203.0.113.9";
    for (int i = 0; i < hops; ++i) list += ", 10.0.0." + std::to_string(i);
    return list;
  };
  EXPECT_EQ(UsualClient(chain(31)), "203.0.113.9");
  EXPECT_EQ(UsualClient(chain(32)), "10.0.0.0");
  EXPECT_EQ(UsualClient(chain(200)), "10.0.0.168");
}

TEST(ForwardedForTest, TheStandardHeaderIsRead) {
  EXPECT_EQ(StandardClient("for=203.0.113.9"), "203.0.113.9");
  EXPECT_EQ(StandardClient("For=\"203.0.113.9:4711\";proto=https;by=10.0.0.1"), "203.0.113.9:4711");
  EXPECT_EQ(StandardClient("proto=http; FOR=\"[2001:db8::1]:4711\" ;host=\"a,b;for=x\""),
            "[2001:db8::1]:4711");
  EXPECT_EQ(StandardClient("for=\"203.0.113.9:_port\""), "203.0.113.9");
  EXPECT_EQ(StandardClient("for=\"[2001:db8::1]\", for=10.0.0.2"), "[2001:db8::1]");
  EXPECT_EQ(StandardClient("for=198.51.100.1,for=203.0.113.9;by=10.0.0.1"), "203.0.113.9");
}

TEST(ForwardedForTest, WhatTheStandardHeaderHidesIsNotGuessed) {
  for (const std::string junk :
       {"for=unknown", "for=_hidden", "for=\"_a:_b\"", "proto=https", "for=", "for", "=203.0.113.7",
        "for=203.0.113.7;for=203.0.113.8", "for=\"203.0.113.7", "for=203.0.113.7\"",
        "for=\"203.0.113.7\" x", "for=\"203.0.113\\.7\"", "for =203.0.113.7", ""}) {
    EXPECT_EQ(StandardClient(junk), "none") << junk;
    EXPECT_EQ(StandardClient("for=198.51.100.1, " + junk), "none") << junk;
    EXPECT_EQ(StandardClient("for=198.51.100.1, " + junk + ", for=10.0.0.2"), "10.0.0.2") << junk;
  }
}

// Whatever a client writes into the header that its proxy then adds to.
TEST(ForwardedForTest, NothingThatAClientBeginsTheHeaderWithChangesWhatTheProxyAdded) {
  for (const std::string attack :
       {"for=\"", "for=\"198.51.100.1", "\"", "\\", "for=\"\\", "for=198.51.100.1;host=\"x", ",,,",
        "for=\"a\", for=\"", "proto=\"https, for=198.51.100.1"}) {
    EXPECT_EQ(StandardClient(attack + ", for=203.0.113.9"), "203.0.113.9") << attack;
    EXPECT_EQ(StandardClient(attack + ", for=\"[2001:db8::1]\""), "[2001:db8::1]") << attack;
    EXPECT_EQ(UsualClient(attack + ", 203.0.113.9"), "203.0.113.9") << attack;
  }
}

// A proxy that tells the Host that a client sent quotes what is in it.
TEST(ForwardedForTest, NothingInsideQuotesIsAnElement) {
  EXPECT_EQ(StandardClient("for=203.0.113.9;host=\"x, for=198.51.100.1\""), "203.0.113.9");
  EXPECT_EQ(StandardClient("for=203.0.113.9;host=\"x\\\", for=198.51.100.1;a=\\\"\""),
            "203.0.113.9");
  EXPECT_EQ(StandardClient("for=203.0.113.9;host=\"x\\\\\""), "203.0.113.9");
}

TEST(ForwardedForTest, BothHeadersAreBelievedWhereTheyAgree) {
  EXPECT_EQ(ClientOf({{"X-Forwarded-For", "203.0.113.9"}, {"Forwarded", "for=203.0.113.9"}}),
            "203.0.113.9");
  EXPECT_EQ(ClientOf({{"X-Forwarded-For", "203.0.113.9:4711"}, {"Forwarded", "for=203.0.113.9"}}),
            "203.0.113.9:4711");
  EXPECT_EQ(
      ClientOf({{"X-Forwarded-For", "203.0.113.9"}, {"Forwarded", "for=\"203.0.113.9:4711\""}}),
      "203.0.113.9:4711");
}

TEST(ForwardedForTest, NeitherHeaderIsBelievedWhereTheyDoNotAgree) {
  for (const std::string standard : {"for=198.51.100.1", "for=unknown", "proto=https", "", "\""}) {
    const auto found = Find({{"X-Forwarded-For", "203.0.113.9"}, {"Forwarded", standard}});
    EXPECT_FALSE(found.client.has_value()) << standard;
    EXPECT_TRUE(found.contradicts_itself) << standard;
  }
  EXPECT_FALSE(Find({{"X-Forwarded-For", "203.0.113.9"}}).contradicts_itself);
}

TEST(ForwardedForTest, SchemeIsWhatTheNearestProxyTold) {
  EXPECT_EQ(Find({{"X-Forwarded-Proto", "https"}}).scheme, "https");
  EXPECT_EQ(Find({{"X-Forwarded-Proto", "https, HTTP"}}).scheme, "http");
  EXPECT_EQ(Find({{"Forwarded", "for=203.0.113.9;proto=HTTPS"}}).scheme, "https");
  EXPECT_EQ(Find({{"Forwarded", "for=1.2.3.4;proto=https, for=10.0.0.1;proto=http"}}).scheme,
            "http");
  EXPECT_EQ(Find({{"X-Forwarded-Proto", "javascript"}}).scheme, "");
  EXPECT_EQ(Find({{"X-Forwarded-For", "203.0.113.9"}}).scheme, "");
}

TEST(TrustedProxiesTest, TakesAddressesNetworksAndUnix) {
  const auto trusted = TrustedProxies::Parse({"10.0.0.0/8", "::1", "unix"});
  ASSERT_TRUE(trusted.has_value());
  EXPECT_TRUE(trusted->ContainsPeer("10.1.2.3:4711"));
  EXPECT_TRUE(trusted->ContainsPeer("[::1]:4711"));
  EXPECT_TRUE(trusted->ContainsPeer("unix"));
  EXPECT_FALSE(trusted->ContainsPeer("11.0.0.1:4711"));
  EXPECT_FALSE(TrustedProxies::Parse({"10.0.0.1"})->ContainsPeer("unix"));
  EXPECT_FALSE(TrustedProxies().ContainsPeer("10.0.0.1:4711"));
}

TEST(TrustedProxiesTest, NamesWhatIsNone) {
  EXPECT_EQ(TrustedProxies::Parse({"10.0.0.1", "proxy.example"}).error().message,
            "\"proxy.example\": expected an address, a network or unix");
}

}  // namespace
}  // namespace target_eye
