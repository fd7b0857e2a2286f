#include "util/ip_address.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

std::string TextOf(std::string_view text) {
  const auto address = IpAddress::Parse(text);
  return address ? address->Text() : "none";
}

std::string EndpointOf(std::string_view text) {
  const auto endpoint = ParseEndpoint(text);
  return endpoint ? endpoint->Text() : "none";
}

bool IsIn(std::string_view address, std::string_view network) {
  const auto parsed = IpNetwork::Parse(network);
  EXPECT_TRUE(parsed.has_value()) << network;
  return parsed && parsed->Contains(*IpAddress::Parse(address));
}

TEST(IpAddressTest, IsShownInItsNormalForm) {
  EXPECT_EQ(TextOf("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(TextOf("2001:DB8:0:0::1"), "[2001:db8::1]");
  EXPECT_EQ(TextOf("::"), "[::]");
}

TEST(IpAddressTest, V4InsideV6IsV4) {
  EXPECT_EQ(TextOf("::ffff:192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(TextOf("::ffff:c000:201"), "192.0.2.1");
  EXPECT_EQ(IpAddress::Parse("::ffff:10.0.0.1"), IpAddress::Parse("10.0.0.1"));
}

TEST(IpAddressTest, AnythingAroundAnAddressMakesItNone) {
  for (const std::string_view text :
       {"", " 1.2.3.4", "1.2.3.4 ", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "[::1]",
        "fe80::1%eth0", "1.2.3.4:80", ":::", "localhost", "1.2.3.4/8"}) {
    EXPECT_EQ(TextOf(text), "none") << text;
  }
  EXPECT_EQ(TextOf(std::string_view("1.2.3.4\0", 8)), "none");
  EXPECT_EQ(TextOf(std::string(1000, '1')), "none");
}

TEST(IpNetworkTest, ContainsWhatBeginsWithItsBits) {
  EXPECT_TRUE(IsIn("10.255.0.1", "10.0.0.0/8"));
  EXPECT_FALSE(IsIn("11.0.0.1", "10.0.0.0/8"));
  EXPECT_TRUE(IsIn("10.0.0.129", "10.0.0.128/25"));
  EXPECT_FALSE(IsIn("10.0.0.127", "10.0.0.128/25"));
  EXPECT_TRUE(IsIn("10.0.0.1", "10.0.0.1"));
  EXPECT_FALSE(IsIn("10.0.0.2", "10.0.0.1"));
  EXPECT_FALSE(IsIn("10.0.0.2", "10.0.0.1/32"));
  EXPECT_TRUE(IsIn("2001:db8:0:ffff::1", "2001:db8::/46"));
  EXPECT_FALSE(IsIn("2001:db8:4::1", "2001:db8::/46"));
  EXPECT_FALSE(IsIn("::2", "::1"));
}

TEST(IpNetworkTest, EverythingIsEverythingOfItsKind) {
  EXPECT_TRUE(IsIn("203.0.113.9", "0.0.0.0/0"));
  EXPECT_FALSE(IsIn("2001:db8::1", "0.0.0.0/0"));
  EXPECT_TRUE(IsIn("2001:db8::1", "::/0"));
  EXPECT_FALSE(IsIn("203.0.113.9", "::/0"));
}

TEST(IpNetworkTest, V4InsideV6IsV4) {
  EXPECT_TRUE(IsIn("10.1.2.3", "::ffff:10.0.0.0/104"));
  EXPECT_FALSE(IsIn("11.1.2.3", "::ffff:10.0.0.0/104"));
  EXPECT_TRUE(IsIn("::ffff:10.1.2.3", "10.0.0.0/8"));
}

TEST(IpNetworkTest, ASlipIsNoNetwork) {
  for (const std::string_view text :
       {"10.0.0.1/8", "2001:db8::1/64", "10.0.0.0/33", "10.0.0.0/104", "::/129", "10.0.0.0/",
        "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/255.0.0.0", "/8", "::ffff:0:0/64",
        "localhost", "*", ""}) {
    EXPECT_FALSE(IpNetwork::Parse(text).has_value()) << text;
  }
}

TEST(EndpointTest, IsReadAsProxiesWriteIt) {
  EXPECT_EQ(EndpointOf("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(EndpointOf("192.0.2.1:4711"), "192.0.2.1:4711");
  EXPECT_EQ(EndpointOf("2001:db8::1"), "[2001:db8::1]");
  EXPECT_EQ(EndpointOf("[2001:db8::1]"), "[2001:db8::1]");
  EXPECT_EQ(EndpointOf("[2001:db8::1]:4711"), "[2001:db8::1]:4711");
  EXPECT_EQ(EndpointOf("[::ffff:192.0.2.1]:80"), "192.0.2.1:80");
}

TEST(EndpointTest, WhatIsDoubtfulIsNone) {
  for (const std::string_view text :
       {"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:x", "192.0.2.1:-1", "[192.0.2.1]", "[::1",
        "::1]", "[::1]80", "[::1]:", "[]", "unix", "unix:", "192.0.2.1:1:2", "[fe80::1%eth0]:1"}) {
    EXPECT_EQ(EndpointOf(text), "none") << text;
  }
}

TEST(ClientKeyTest, IsTheAddressWithoutThePort) {
  EXPECT_EQ(ClientKeyOf("127.0.0.1:4711"), "127.0.0.1");
  EXPECT_EQ(ClientKeyOf("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(ClientKeyOf("[::ffff:10.0.0.1]:80"), "10.0.0.1");
  EXPECT_EQ(ClientKeyOf("unix"), "unix");
}

TEST(ClientKeyTest, AnIpv6NetworkOfSixtyFourBitsIsOneClient) {
  EXPECT_EQ(ClientKeyOf("[2001:db8:1:2:3:4:5:6]:80"), "[2001:db8:1:2::]");
  EXPECT_EQ(ClientKeyOf("[2001:db8:1:2::9]:81"), "[2001:db8:1:2::]");
  EXPECT_EQ(ClientKeyOf("[2001:db8:1:2::9]"), "[2001:db8:1:2::]");
  EXPECT_NE(ClientKeyOf("[2001:db8:1:3::9]:81"), "[2001:db8:1:2::]");
}

}  // namespace
}  // namespace target_eye
