// Whom a connection and a request are from, with and without proxies before us.

#include <gmock/gmock.h>
#include <sys/un.h>

#include "http/testing/http2_client.h"
#include "http/testing/raw_server.h"
#include "http/testing/tls_server.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr std::string_view kPeer = "127.0.0.1:[0-9]+";
const std::string kProxyV1 = "PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n";
const std::string kLocalV2("\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00", 16);

std::string Ask(std::string_view headers = "") {
  return "GET /peer HTTP/1.1\r\nHost: h\r\n" + std::string(headers) + "\r\n";
}

class ProxiesTest : public TlsServerFixture {
 protected:
  void Trust(std::vector<std::string> proxies) { options_.trusted_proxies = std::move(proxies); }
  // Whom a request with these headers is from, on a connection that begins with `before`.
  std::string PeerOf(std::string_view headers, std::string_view before = "") {
    RawClient client = Connect();
    client.Send(std::string(before) + Ask(headers));
    return BodyOf(client.ReadResponse());
  }
};

TEST_F(ProxiesTest, WithoutTrustNoHeaderChangesAnything) {
  Trust({"10.0.0.0/8", "unix"});
  Serve();
  EXPECT_THAT(PeerOf("X-Forwarded-For: 203.0.113.9\r\n"), MatchesRegex(std::string(kPeer)));
  EXPECT_THAT(PeerOf("Forwarded: for=203.0.113.9\r\n"), MatchesRegex(std::string(kPeer)));
  RawClient client = Connect();
  client.Send(kProxyV1 + Ask());
  EXPECT_EQ(StatusOf(client.ReadResponse()), 400);
}

TEST_F(ProxiesTest, EachRequestOfATrustedProxyHasItsOwnClient) {
  Trust({"127.0.0.1"});
  Serve();
  RawClient proxy = Connect();
  const auto ask = [&](std::string_view headers) {
    proxy.Send(Ask(headers));
    return BodyOf(proxy.ReadResponse());
  };
  EXPECT_EQ(ask("X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n"), "203.0.113.9");
  EXPECT_EQ(ask("Forwarded: for=\"[2001:db8::1]:4711\"\r\n"), "[2001:db8::1]:4711");
  EXPECT_THAT(ask(""), MatchesRegex(std::string(kPeer)));
  EXPECT_THAT(ask("X-Forwarded-For: unknown\r\n"), MatchesRegex(std::string(kPeer)));
  EXPECT_THAT(ask("X-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.8\r\n"),
              MatchesRegex(std::string(kPeer)));
}

TEST_F(ProxiesTest, EachStreamOfATrustedProxyHasItsOwnClient) {
  Trust({"127.0.0.1"});
  ServeTls();
  Http2Client proxy(address());
  proxy.Start();
  const auto ask = [&](const Http2Client::Fields& fields) {
    return proxy.SendRequest(Http2Client::Request("GET", "/peer", fields));
  };
  const auto one = ask({{"x-forwarded-for", "203.0.113.9"}});
  const auto two = ask({{"forwarded", "for=203.0.113.8"}});
  const auto three = ask({});
  EXPECT_EQ(proxy.Await(one).body, "203.0.113.9");
  EXPECT_EQ(proxy.Await(two).body, "203.0.113.8");
  EXPECT_THAT(proxy.Await(three).body, MatchesRegex(std::string(kPeer)));
}

TEST_F(ProxiesTest, TheProxyProtocolTellsTheClientOfAConnection) {
  Trust({"127.0.0.1"});
  Serve();
  RawClient proxy = Connect();
  proxy.Send(kProxyV1 + Ask() + Ask());
  EXPECT_EQ(BodyOf(proxy.ReadResponse()), "203.0.113.9:4711");
  EXPECT_EQ(BodyOf(proxy.ReadResponse()), "203.0.113.9:4711");
  EXPECT_THAT(PeerOf("", kLocalV2), MatchesRegex(std::string(kPeer)));
  EXPECT_THAT(PeerOf("", "PROXY UNKNOWN\r\n"), MatchesRegex(std::string(kPeer)));
}

TEST_F(ProxiesTest, AProxyHeaderMayComeInPieces) {
  Trust({"127.0.0.1"});
  Serve();
  for (const std::string& header : {kProxyV1, kLocalV2}) {
    RawClient proxy = Connect();
    proxy.Send(header.substr(0, 3));
    std::this_thread::sleep_for(milliseconds(20));
    proxy.SendByteByByte(header.substr(3) + Ask());
    EXPECT_EQ(StatusOf(proxy.ReadResponse()), 200);
  }
  // What only begins like one is a request.
  RawClient client = Connect();
  client.SendByteByByte("\r\nP");
  std::this_thread::sleep_for(milliseconds(20));
  client.SendByteByByte("UT /a/b HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(ProxiesTest, TlsAndHttp2ComeAfterTheProxyHeader) {
  Trust({"127.0.0.1"});
  ServeTls();
  TlsClient tls(address());
  tls.raw().Send(kProxyV1);
  ASSERT_TRUE(tls.Handshake());
  tls.Send(Ask());
  EXPECT_EQ(BodyOf(tls.ReadResponse()), "203.0.113.9:4711");
  Http2Client http2(address(), nullptr, kProxyV1);
  http2.Start();
  EXPECT_EQ(http2.Await(http2.Get("/peer")).body, "203.0.113.9:4711");
  TlsClient plain(address());
  ASSERT_TRUE(plain.Handshake());
}

TEST_F(ProxiesTest, AClientThatTheProxyProtocolNamesIsNotBelieved) {
  Trust({"127.0.0.1", "10.0.0.0/8"});
  Serve();
  constexpr std::string_view kHeader = "X-Forwarded-For: 198.51.100.1\r\n";
  EXPECT_EQ(PeerOf(kHeader, kProxyV1), "203.0.113.9:4711");
  EXPECT_THAT(PeerOf(kHeader, kLocalV2), MatchesRegex(std::string(kPeer)));
  EXPECT_THAT(PeerOf(kHeader, "PROXY UNKNOWN\r\n"), MatchesRegex(std::string(kPeer)));
  // One proxy behind another.
  EXPECT_EQ(PeerOf(kHeader, "PROXY TCP4 10.0.0.9 10.0.0.1 4711 80\r\n"), "198.51.100.1");
}

TEST_F(ProxiesTest, AMalformedProxyHeaderIsAnsweredWith400) {
  Trust({"127.0.0.1"});
  Serve();
  EXPECT_THAT(Exchange("PROXY TCP4 203.0.113.9\r\n" + Ask()),
              HasSubstr("malformed header of the PROXY protocol: expected `PROXY TCP4"));
  EXPECT_EQ(StatusOf(Exchange(kLocalV2.substr(0, 12) + std::string("\x31\x00\x00\x00", 4))), 400);
}

TEST_F(ProxiesTest, AProxyHeaderThatDoesNotEndIsTimedOut) {
  Trust({"127.0.0.1"});
  options_.read_timeout = milliseconds(200);
  options_.keep_alive_timeout = milliseconds(300);
  Serve();
  EXPECT_EQ(StatusOf(Exchange("PROXY TCP4 ")), 408);
  EXPECT_EQ(Exchange(""), "");
}

TEST_F(ProxiesTest, TheRateIsThatOfTheClient) {
  Trust({"127.0.0.1"});
  options_.client_rate_limit = 1;
  Serve();
  const auto status = [&](std::string_view client) {
    RawClient proxy = Connect();
    proxy.Send(Ask("X-Forwarded-For: " + std::string(client) + "\r\n"));
    return StatusOf(proxy.ReadResponse());
  };
  EXPECT_EQ(status("203.0.113.9"), 200);
  EXPECT_EQ(status("203.0.113.8"), 200);
  EXPECT_EQ(status("203.0.113.9:4711"), 429);
  EXPECT_EQ(status("2001:db8:1:2::1"), 200);
  EXPECT_EQ(status("2001:db8:1:3::1"), 200);
  EXPECT_EQ(status("2001:db8:1:2:ffff::9"), 429);
}

TEST_F(ProxiesTest, ConnectionsAreCountedForTheClientThatTheProxyProtocolNames) {
  Trust({"127.0.0.1"});
  options_.client_connection_limit = 1;
  Serve();
  RawClient first = Connect();
  RawClient second = Connect();
  for (RawClient* proxy : {&first, &second}) {
    proxy->Send(Ask("X-Forwarded-For: 203.0.113.9\r\n"));
    EXPECT_EQ(StatusOf(proxy->ReadResponse()), 200);
  }
  RawClient third = Connect();
  third.Send(kProxyV1 + Ask());
  EXPECT_EQ(StatusOf(third.ReadResponse()), 200);
  RawClient fourth = Connect();
  fourth.Send(kProxyV1 + Ask());
  EXPECT_EQ(StatusOf(fourth.ReadResponse()), 503);
  RawClient other = Connect();
  other.Send("PROXY TCP4 203.0.113.8 10.0.0.1 4711 443\r\n" + Ask());
  EXPECT_EQ(StatusOf(other.ReadResponse()), 200);
  EXPECT_THAT(metrics_.Render(), HasSubstr("target_eye_http_rejected_connections_total 1\n"));
}

TEST_F(ProxiesTest, WhoeverConnectsToAUnixSocketCanBeAProxy) {
  const TempDirectory directory;
  const std::string path = directory / "http.sock";
  options_.bind = {"unix:" + path};
  Trust({"unix"});
  Serve();
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const std::string request = Ask("Connection: close\r\nX-Forwarded-For: 203.0.113.9\r\n");
  ASSERT_EQ(::send(fd.get(), request.data(), request.size(), 0),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char piece[4096];
  for (ssize_t n = 0; (n = ::recv(fd.get(), piece, sizeof piece, 0)) > 0;) {
    answer.append(piece, static_cast<std::size_t>(n));
  }
  EXPECT_EQ(BodyOf(answer), "203.0.113.9");
}

TEST_F(ProxiesTest, AWrongListIsNamed) {
  Trust({"proxy.example"});
  server_.emplace(options_, handler_, metrics_);
  EXPECT_THAT(server_->Listen().error().message,
              HasSubstr("TRUSTED_PROXIES: \"proxy.example\": expected"));
}

}  // namespace
}  // namespace target_eye
