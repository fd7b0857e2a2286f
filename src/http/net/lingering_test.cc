// What a client hears whose request is answered before it is whole, or whose handshake fails.

#include "http/net/lingering.h"

#include <gmock/gmock.h>

#include <thread>

#include "http/testing/tls_server.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::size_t kMiB = 1 << 20;

std::string Put(std::size_t length) {
  return "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}
constexpr std::string_view kPutOfNothingKnown =
    "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n";

std::string ReasonOfLastError() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "" : reason;
}

using LingeringTest = TlsServerFixture;

TEST_F(LingeringTest, ABodyThatIsTooLargeIsTakenToItsEnd) {
  Serve();
  RawClient client = Connect();
  ASSERT_TRUE(client.Send(Put(20 * kMiB)));
  EXPECT_TRUE(client.Send(std::string(20 * kMiB, 'x')));
  EXPECT_EQ(StatusOf(client.ReadToEnd()), 413);
  EXPECT_TRUE(client.closed());
}

TEST_F(LingeringTest, AChunkedBodyThatIsTooLargeIsTakenToItsEnd) {
  Serve();
  RawClient client = Connect();
  client.Send("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 160; ++i) ASSERT_TRUE(client.Send(chunk)) << i;
  EXPECT_TRUE(client.Send("0\r\n\r\n"));
  EXPECT_EQ(StatusOf(client.ReadToEnd()), 413);
  EXPECT_TRUE(client.closed());
}

TEST_F(LingeringTest, ABodyThatIsTooLargeIsTakenToItsEndOverTls) {
  ServeTls();
  TlsClient client(address());
  ASSERT_TRUE(client.Handshake());
  client.Send(Put(20 * kMiB));
  EXPECT_TRUE(client.Send(std::string(20 * kMiB, 'x')));
  EXPECT_EQ(StatusOf(client.ReadToEnd()), 413);
  EXPECT_TRUE(client.closed());
}

TEST_F(LingeringTest, AClientMayRestForAMoment) {
  Serve();
  RawClient client = Connect();
  client.Send(Put(20 * kMiB));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 413);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(milliseconds(600));
    EXPECT_TRUE(client.Send(std::string(kMiB, 'x')));
  }
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(LingeringTest, ABodyWithoutEndIsCutOff) {
  Serve();
  RawClient client = Connect();
  client.Send(kPutOfNothingKnown);
  const std::string piece(kMiB, 'x');
  std::size_t sent = 0;
  while (sent < 4 * Lingering::kBytes && client.Send(piece)) sent += piece.size();
  EXPECT_GE(sent, Lingering::kBytes);
  EXPECT_LT(sent, 2 * Lingering::kBytes);
}

TEST_F(LingeringTest, WhoOnlyDripsIsNotWaitedFor) {
  Serve();
  RawClient client = Connect();
  client.Send(kPutOfNothingKnown);
  constexpr milliseconds kBetween{100};
  int drips = 0;
  while (drips < Lingering::kTotal / kBetween && client.Send("x")) {
    std::this_thread::sleep_for(kBetween);
    ++drips;
  }
  EXPECT_LT(drips, Lingering::kTotal / kBetween / 2);
}

TEST_F(LingeringTest, ItCountsAsAConnection) {
  options_.connection_limit = 1;
  Serve();
  RawClient client = Connect();
  client.Send(kPutOfNothingKnown);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 400);
  EXPECT_THAT(Exchange(""), HasSubstr("too many connections"));
}

TEST_F(LingeringTest, ItHoldsNoShareOfTheBudgetForBodies) {
  options_.buffer_limit_bytes = 100'000;
  Serve();
  RawClient client = Connect();
  client.Send("PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
              ("13880\r\n" + std::string(80'000, 'x')) + "\r\nno chunk\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 400);
  RawClient other = Connect();
  other.Send(Put(80'000) + std::string(80'000, 'x'));
  EXPECT_EQ(StatusOf(other.ReadResponse()), 200);
}

TEST_F(LingeringTest, AStopDoesNotWaitForIt) {
  Serve();
  RawClient client = Connect();
  client.Send(kPutOfNothingKnown);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 400);
  std::atomic<bool> stopped = false;
  std::atomic<int> sent_before_the_stop = 0;
  // Without the stop, all of these would be taken.
  std::jthread drip([&] {
    for (int i = 0; i < 200 && !stopped; ++i, ++sent_before_the_stop) {
      client.Send("x");
      std::this_thread::sleep_for(milliseconds(50));
    }
  });
  EXPECT_EQ(server_->Stop(seconds(60)), 0U);
  stopped = true;
  drip.join();
  EXPECT_LT(sent_before_the_stop, 200);
}

class AlertTest : public TlsServerFixture, public testing::WithParamInterface<int> {
 protected:
  // Why the connection ends for a client that sends on, whatever happens.
  std::string Hear(const TestCertificate* certificate) {
    TlsClient client(address(), {.max_version = GetParam(), .certificate = certificate});
    // Of TLS 1.3: the handshake is over for the client before the server has judged it.
    if (client.Handshake()) {
      for (int i = 0; i < 20; ++i) {
        if (!client.Send(std::string(10'000, 'x'))) break;
        std::this_thread::sleep_for(milliseconds(5));
      }
      EXPECT_EQ(client.ReadToEnd(), "");
    }
    return ReasonOfLastError();
  }
};
INSTANTIATE_TEST_SUITE_P(All, AlertTest, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& row) {
                           return row.param == TLS1_3_VERSION ? "Tls13" : "Tls12";
                         });

TEST_P(AlertTest, AClientWithoutACertificateHearsThatOneIsNeeded) {
  const TestCertificate authority("authority");
  tls_options_.ca_file = authority.cert_file();
  tls_options_.client_certificate = TlsOptions::ClientCertificate::kRequired;
  ServeTls();
  EXPECT_THAT(Hear(nullptr),
              testing::AnyOf(HasSubstr("certificate required"), HasSubstr("handshake failure")));
}

TEST_P(AlertTest, AClientWithACertificateOfAnotherHearsThat) {
  const TestCertificate authority("authority");
  const TestCertificate foreign("foreign");
  tls_options_.ca_file = authority.cert_file();
  tls_options_.client_certificate = TlsOptions::ClientCertificate::kRequired;
  ServeTls();
  EXPECT_THAT(Hear(&foreign), HasSubstr("alert"));
}

}  // namespace
}  // namespace target_eye
