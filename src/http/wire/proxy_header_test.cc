#include "http/wire/proxy_header.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace target_eye {
namespace {

using State = ProxyHeader::State;

const std::string kV4 = "\x21\x11" + std::string("\0\x0c", 2) +
                        std::string("\xcb\x00\x71\x09\x0a\x00\x00\x01\x12\x67\x01\xbb", 12);

std::string V2(std::string_view rest) {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + std::string(rest);
}

std::string ClientOf(std::string_view bytes) {
  const ProxyHeader header = ReadProxyHeader(bytes);
  EXPECT_EQ(header.state, State::kWhole) << header.problem;
  return header.client ? header.client->Text() : "none";
}

// Of a header that is whole: every part of it may become one, and nothing behind it belongs to it.
void ExpectInPieces(const std::string& header) {
  for (std::size_t size = 0; size < header.size(); ++size) {
    EXPECT_EQ(ReadProxyHeader(header.substr(0, size)).state, State::kPartial) << size;
  }
  const ProxyHeader whole = ReadProxyHeader(header + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(whole.state, State::kWhole) << whole.problem;
  EXPECT_EQ(whole.size, header.size());
}

TEST(ProxyHeaderTest, AnythingElseIsNone) {
  for (const std::string_view bytes :
       {"GET / HTTP/1.1\r\n", "P ", "PUT /a/b HTTP/1.1\r\n", "PROX/", "proxy tcp4", "\r\nGET /",
        "\r\n\r\nGET / HTTP/1.1", "\x16\x03\x01\x02", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    EXPECT_EQ(ReadProxyHeader(bytes).state, State::kAbsent) << bytes;
  }
}

TEST(ProxyHeaderTest, Version1NamesItsClient) {
  EXPECT_EQ(ClientOf("PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n"), "203.0.113.9:4711");
  EXPECT_EQ(ClientOf("PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n"), "[2001:db8::1]:4711");
  EXPECT_EQ(ClientOf("PROXY TCP6 ::ffff:203.0.113.9 fd00::1 4711 443\r\n"), "203.0.113.9:4711");
  EXPECT_EQ(ClientOf("PROXY UNKNOWN\r\n"), "none");
  EXPECT_EQ(ClientOf("PROXY UNKNOWN ffff::1 whatever\r\n"), "none");
  ExpectInPieces("PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n");
}

TEST(ProxyHeaderTest, Version1TakesTheLongestLineAndNoLonger) {
  const std::string most = "PROXY UNKNOWN " + std::string(107 - 14 - 2, 'x');
  EXPECT_EQ(ClientOf(most + "\r\n"), "none");
  EXPECT_EQ(ReadProxyHeader(most + "x\r\n").state, State::kMalformed);
  EXPECT_EQ(ReadProxyHeader(most + "xx").state, State::kMalformed);
}

TEST(ProxyHeaderTest, Version1ThatIsDoubtfulIsMalformed) {
  for (const std::string_view rest :
       {"", "TCP4", "TCP5 1.2.3.4 1.2.3.4 1 2", "tcp4 1.2.3.4 1.2.3.4 1 2",
        "TCP4 1.2.3.4 1.2.3.4 1", "TCP4 1.2.3.4 1.2.3.4 1 2 3", "TCP4 1.2.3.4 1.2.3.4 1 65536",
        "TCP4 1.2.3.4 1.2.3.4 65536 1", "TCP4 1.2.3.4 1.2.3.4 -1 1", "TCP4  1.2.3.4 1.2.3.4 1 1",
        "TCP4 1.2.3 1.2.3.4 1 1", "TCP4 ::1 ::1 1 1", "TCP6 1.2.3.4 1.2.3.4 1 1",
        "TCP4 1.2.3.4 ::1 1 1", "/a/b HTTP/1.1"}) {
    const ProxyHeader header = ReadProxyHeader("PROXY " + std::string(rest) + "\r\n");
    EXPECT_EQ(header.state, State::kMalformed) << rest;
    EXPECT_FALSE(header.problem.empty()) << rest;
  }
}

TEST(ProxyHeaderTest, Version2NamesItsClient) {
  EXPECT_EQ(ClientOf(V2(kV4)), "203.0.113.9:4711");
  ExpectInPieces(V2(kV4));
  std::string v6 = V2("\x21\x21" + std::string("\0\x24", 2) + std::string(36, '\0'));
  v6[31] = 1;
  v6[48] = 0x12;
  v6[49] = 0x67;
  EXPECT_EQ(ClientOf(v6), "[::1]:4711");
  v6[26] = v6[27] = static_cast<char>(0xff);
  EXPECT_EQ(ClientOf(v6), "0.0.0.1:4711");
  ExpectInPieces(v6);
}

TEST(ProxyHeaderTest, Version2OfAClientOnQuicNamesItToo) {
  std::string header = V2(kV4);
  header[13] = 0x12;
  EXPECT_EQ(ClientOf(header), "203.0.113.9:4711");
}

TEST(ProxyHeaderTest, Version2SkipsWhatFollowsTheAddresses) {
  std::string header = V2(kV4) + std::string("\x03\x00\x04\x01\x02\x03\x04", 7);
  header[15] = 12 + 7;
  EXPECT_EQ(ClientOf(header), "203.0.113.9:4711");
  ExpectInPieces(header);
}

TEST(ProxyHeaderTest, Version2WithoutAClientNamesNone) {
  // LOCAL, with and without what is to be skipped; UNSPEC; a unix socket.
  EXPECT_EQ(ClientOf(V2({"\x20\x00\x00\x00", 4})), "none");
  EXPECT_EQ(ClientOf(V2({"\x20\x11\x00\x02xx", 6})), "none");
  EXPECT_EQ(ClientOf(V2({"\x21\x00\x00\x00", 4})), "none");
  EXPECT_EQ(ClientOf(V2({"\x21\x00\x00\x02xx", 6})), "none");
  EXPECT_EQ(ClientOf(V2(std::string("\x21\x31\x00\xd8", 4) + std::string(216, 'p'))), "none");
}

TEST(ProxyHeaderTest, Version2ThatIsDoubtfulIsMalformed) {
  const auto changed = [](std::size_t at, char byte) {
    std::string header = V2(kV4);
    header[at] = byte;
    return ReadProxyHeader(header).state;
  };
  EXPECT_EQ(changed(12, 0x11), State::kMalformed);  // Version 1.
  EXPECT_EQ(changed(12, 0x22), State::kMalformed);  // A command that there is not.
  EXPECT_EQ(changed(13, 0x41), State::kMalformed);  // A family,
  EXPECT_EQ(changed(13, 0x13), State::kMalformed);  // a transport that there is not.
  EXPECT_EQ(changed(13, 0x21), State::kMalformed);  // Too short for IPv6.
  EXPECT_EQ(changed(15, 11), State::kMalformed);    // Too short for IPv4.
}

TEST(ProxyHeaderTest, Version2TakesSoManyBytesAndNoMore) {
  constexpr std::size_t kRest = kMostProxyHeaderBytes - 16;
  std::string header = V2(kV4) + std::string(kRest - 12, '\0');
  header[14] = static_cast<char>(kRest >> 8);
  header[15] = static_cast<char>(kRest & 0xff);
  EXPECT_EQ(header.size(), kMostProxyHeaderBytes);
  EXPECT_EQ(ClientOf(header), "203.0.113.9:4711");
  header[15] = static_cast<char>(header[15] + 1);
  EXPECT_EQ(ReadProxyHeader(header.substr(0, 16)).state, State::kMalformed);
}

}  // namespace
}  // namespace target_eye
