#include "http/testing/tls_server.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include <chrono>
#include <thread>

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::string_view kGet = "GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLastGet = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

using TlsServerTest = TlsServerFixture;

void WaitFor(const std::function<bool()>& condition) {
  for (int i = 0; i < 2000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(condition());
}

TEST_F(TlsServerTest, AnswersInBothVersionsAndKeepsTheConnection) {
  ServeTls();
  EXPECT_TRUE(server_->IsTls(0));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(address(), {.max_version = version});
    ASSERT_TRUE(client.Handshake());
    for (int i = 0; i < 3; ++i) {
      client.Send(kGet);
      EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /a/b? [] ");
    }
    client.Send(kLastGet);
    EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /last? [] ");
    EXPECT_EQ(client.Read(), "");
    EXPECT_TRUE(client.closed()) << "no close_notify";
  }
}

TEST_F(TlsServerTest, BodiesAndAnswersOfAllSizesArriveWhole) {
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  for (const std::size_t size : {0UL, 1UL, 4096UL, 16'000UL, 16'384UL, 16'400UL, 1UL << 20}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; i += 97) body[i] = static_cast<char>('a' + i % 26);
    client.Send("PUT /a/b HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) +
                "\r\n\r\n");
    client.Send(body);
    EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /a/b? [] " + body) << size;
  }
  client.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kLastGet));
  EXPECT_EQ(BodyOf(client.ReadResponse()), std::string(EchoHandler::kLargeBytes, 'L'));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /last? [] ");
}

TEST_F(TlsServerTest, ManyPipelinedRequestsInOneRecordAreAnsweredInOrder) {
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  std::string requests;
  for (int i = 0; i < 300; ++i) {
    requests += "GET /n" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  client.Send(requests);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /n" + std::to_string(i) + "? [] ");
  }
}

TEST_F(TlsServerTest, PlainHttpIsToldToUseHttps) {
  ServeTls();
  for (const std::string_view request : {kGet, std::string_view("DELETE /a/b HTTP/1.1\r\n\r\n")}) {
    const std::string answer = Exchange(request);
    EXPECT_EQ(StatusOf(answer), 400);
    EXPECT_THAT(BodyOf(answer), HasSubstr("https://"));
  }
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(TlsServerTest, AHeaderOfTheProxyProtocolIsNamed) {
  ServeTls();
  for (const std::string& header :
       {std::string("PROXY TCP4 10.0.0.1 10.0.0.2 4711 443\r\n\x16\x03\x01"),
        std::string("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x16\x03\x01", 19)}) {
    const std::string answer = Exchange(header);
    EXPECT_EQ(StatusOf(answer), 400);
    EXPECT_THAT(BodyOf(answer), HasSubstr("TRUSTED_PROXIES"));
  }
}

TEST_F(TlsServerTest, WhatIsNoTlsIsAFailedHandshake) {
  ServeTls();
  RawClient garbage = Connect();
  garbage.Send("\x80garbage");
  EXPECT_EQ(garbage.ReadToEnd(), "");
  EXPECT_THAT(metrics_.Render(), HasSubstr("target_eye_tls_handshake_failures_total 1\n"));
  RawClient broken = Connect();
  broken.Send(std::string("\x16\x03\x01\x00\x05hello", 10));
  broken.ReadToEnd();
  EXPECT_THAT(metrics_.Render(), HasSubstr("target_eye_tls_handshake_failures_total 2\n"));
}

TEST_F(TlsServerTest, AHandshakeThatTakesTooLongIsCutOff) {
  options_.ssl_handshake_timeout = milliseconds(200);
  ServeTls();
  EXPECT_EQ(Exchange(std::string("\x16\x03\x01\x02\x00\x01", 6)), "");
  EXPECT_EQ(Exchange(""), "");
  EXPECT_THAT(metrics_.Render(), HasSubstr("target_eye_tls_handshake_failures_total 2\n"));
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  std::this_thread::sleep_for(milliseconds(500));
  client.Send(kGet);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200) << "the deadline is the handshake's only";
}

TEST_F(TlsServerTest, AnEndOfInputWithoutCloseNotifyEndsTheRequest) {
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  client.Send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc");
  client.raw().EndSending();
  EXPECT_EQ(StatusOf(client.ReadResponse()), 400);
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(TlsServerTest, TheHandlerIsToldWhomTheClientsCertificateNames) {
  const TestCertificate mine("the-client");
  tls_options_.ca_file = mine.cert_file();
  tls_options_.client_certificate = TlsOptions::ClientCertificate::kIfGiven;
  ServeTls();
  TlsClient with(address(), {.certificate = &mine});
  ASSERT_TRUE(with.Handshake());
  with.Send("GET /certificate HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(BodyOf(with.ReadResponse()), "the-client");
  TlsClient without(address());
  ASSERT_TRUE(without.Handshake());
  without.Send("GET /certificate HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(BodyOf(without.ReadResponse()), "none");
}

TEST_F(TlsServerTest, InsecureBindStaysPlain) {
  options_.insecure_bind = {"127.0.0.1:0"};
  ServeTls();
  ASSERT_EQ(server_->addresses().size(), 2U);
  EXPECT_TRUE(server_->IsTls(0));
  EXPECT_FALSE(server_->IsTls(1));
  RawClient plain(server_->addresses()[1]);
  plain.Send(kGet);
  EXPECT_EQ(StatusOf(plain.ReadResponse()), 200);
}

TEST_F(TlsServerTest, ANewContextIsForNewConnections) {
  Serve();
  EXPECT_FALSE(server_->IsTls(0));
  RawClient plain = Connect();
  plain.Send(kGet);
  EXPECT_EQ(StatusOf(plain.ReadResponse()), 200);
  server_->UseTls(TlsContext::Load(tls_options_).value());
  TlsClient first(address());
  ASSERT_TRUE(first.Handshake());
  const TestCertificate other("other");
  server_->UseTls(TlsContext::Load(other.options()).value());
  TlsClient second(address());
  ASSERT_TRUE(second.Handshake());
  const auto subject = [](TlsClient& client) {
    char text[64] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(client.ssl())),
                              NID_commonName, text, sizeof text);
    return std::string(text);
  };
  EXPECT_EQ(subject(first), "localhost");
  EXPECT_EQ(subject(second), "other");
  first.Send(kGet);
  EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
  plain.Send(kGet);
  EXPECT_EQ(StatusOf(plain.ReadResponse()), 200);
}

TEST_F(TlsServerTest, OneConnectionTooManyIsToldSo) {
  options_.connection_limit = 1;
  ServeTls();
  TlsClient first(address());
  ASSERT_TRUE(first.Handshake());
  TlsClient second(address());
  ASSERT_TRUE(second.Handshake());
  EXPECT_EQ(StatusOf(second.ReadResponse()), 503);
}

TEST_F(TlsServerTest, AClientThatDoesNotReadIsCutOff) {
  options_.write_timeout = milliseconds(300);
  ServeTls();
  TlsClient slow(address());
  ASSERT_TRUE(slow.Handshake());
  slow.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /large HTTP/1.1\r\nHost: h\r\n\r\n");
  WaitFor([&] { return handler_.handled() > 0; });
  WaitFor([&] {
    return metrics_.Render().find("target_eye_http_connections 0\n") != std::string::npos;
  });
}

TEST_F(TlsServerTest, AnIdleConnectionIsClosedWithCloseNotify) {
  options_.keep_alive_timeout = milliseconds(200);
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  EXPECT_EQ(client.Read(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(TlsServerTest, RenegotiationIsRefused) {
  ServeTls();
  TlsClient client(address(), {.max_version = TLS1_2_VERSION});
  ASSERT_TRUE(client.Handshake());
  SSL_renegotiate(client.ssl());
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
}

// `count` records that only change the client's key (RFC 8446 section 4.6.3).
std::string KeyUpdates(SSL* client, int count) {
  BIO* const socket = SSL_get_wbio(client);
  BIO_up_ref(socket);
  BIO* const gathered = BIO_new(BIO_s_mem());
  SSL_set0_wbio(client, gathered);
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    EXPECT_EQ(SSL_do_handshake(client), 1);
  }
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(gathered, &bytes);
  std::string records(bytes, static_cast<std::size_t>(size));
  SSL_set0_wbio(client, socket);
  return records;
}

TEST_F(TlsServerTest, ANewKeyOfTheClientsIsTaken) {
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  client.raw().Send(KeyUpdates(client.ssl(), 10));
  client.Send(kGet);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(TlsServerTest, AFloodOfNewKeysIsCutOff) {
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  const std::string flood = KeyUpdates(client.ssl(), 20'000);
  for (std::size_t sent = 0; sent < flood.size();) {
    const ssize_t n =
        ::send(client.raw().fd(), flood.data() + sent, flood.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  WaitFor([&] {
    return metrics_.Render().find("target_eye_http_connections 0\n") != std::string::npos;
  });
}

TEST_F(TlsServerTest, StopLetsARequestUnderWayEnd) {
  ServeTls();
  TlsClient idle(address());
  ASSERT_TRUE(idle.Handshake());
  RawClient silent = Connect();
  TlsClient busy(address());
  ASSERT_TRUE(busy.Handshake());
  busy.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  handler_.AwaitHeld(1);
  std::thread stopping([&] { EXPECT_EQ(server_->Stop(seconds(20)), 0U); });
  EXPECT_EQ(idle.Read(), "");
  EXPECT_EQ(silent.ReadToEnd(), "");
  handler_.Release();
  EXPECT_EQ(StatusOf(busy.ReadResponse()), 200);
  stopping.join();
}

}  // namespace
}  // namespace target_eye
