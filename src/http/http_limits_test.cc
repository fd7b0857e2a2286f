// Deadlines, limits, and the end of a server.

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <thread>

#include "http/testing/raw_server.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::string_view kGet = "GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLastGet = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

using HttpLimitsTest = HttpServerFixture;

TEST_F(HttpLimitsTest, TakesTheLargestAllowedTargetHeaderAndFieldCount) {
  Serve();
  const std::string target = "/" + std::string((8 << 10) - 1, 'a');
  EXPECT_EQ(
      StatusOf(Exchange("GET " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")),
      200);
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nA: ";
  head += std::string((16 << 10) - head.size() - 4, 'x') + "\r\n\r\n";
  EXPECT_EQ(StatusOf(Exchange(head)), 200);
  std::string fields = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n";
  for (int i = 0; i < 98; ++i) fields += "A: b\r\n";
  EXPECT_EQ(StatusOf(Exchange(fields + "\r\n")), 200);
}

TEST_F(HttpLimitsTest, AnAnswerThatComesAfterTheServerIsGoneIsDropped) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  handler_.AwaitHeld(1);
  EXPECT_EQ(server_->Stop(milliseconds(0)), 1U);
  server_.reset();
  handler_.Release();
}

TEST_F(HttpLimitsTest, ARequestThatIsTooSlowIsTimedOut) {
  options_.read_timeout = milliseconds(200);
  Serve();
  for (const std::string_view part :
       {"GET /a HT", "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
        "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\nabc",
        "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"}) {
    const std::string answer = Exchange(part);
    EXPECT_EQ(StatusOf(answer), 408) << part;
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  }
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(HttpLimitsTest, ADripOfBytesDoesNotProlongTheTime) {
  options_.read_timeout = milliseconds(300);
  Serve();
  RawClient client = Connect();
  client.Send("GET /a HTTP/1.1\r\nA: ");
  std::jthread drip([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && client.Send("x"))
      std::this_thread::sleep_for(milliseconds(10));
  });
  const std::string& answer = client.ReadUntil(
      [](std::string_view text) { return text.find("\r\n\r\n") != std::string_view::npos; });
  EXPECT_EQ(StatusOf(answer), 408);
  EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-store\r\n"));
}

TEST_F(HttpLimitsTest, AnIdleConnectionIsClosedWithoutAWord) {
  options_.keep_alive_timeout = milliseconds(200);
  Serve();
  EXPECT_EQ(Exchange(""), "");
  RawClient client = Connect();
  client.Send(kGet);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpLimitsTest, AClientThatDoesNotReadIsCutOffAndOthersAreServed) {
  options_.write_timeout = milliseconds(300);
  options_.connection_limit = 2;
  Serve();
  RawClient slow = Connect();
  slow.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /large HTTP/1.1\r\nHost: h\r\n\r\n" +
            std::string(kLastGet));
  EXPECT_EQ(StatusOf(Exchange(kLastGet)), 200);
  // Once it is cut off, there is room for two others.
  const auto is_cut_off = [&] {
    RawClient one = Connect();
    RawClient two = Connect();
    for (RawClient* const client : {&one, &two}) {
      client->Send(kGet);
      if (StatusOf(client->ReadResponse()) != 200) return false;
    }
    return true;
  };
  while (!is_cut_off()) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_LT(slow.ReadToEnd().size(), 2 * EchoHandler::kLargeBytes);
}

TEST_F(HttpLimitsTest, OneConnectionTooManyIsToldSo) {
  options_.connection_limit = 2;
  Serve();
  RawClient first = Connect();
  first.Send(kGet);
  EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
  RawClient second = Connect();
  second.Send(kGet);
  EXPECT_EQ(StatusOf(second.ReadResponse()), 200);
  const std::string answer = Exchange(kGet);
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(BodyOf(answer), HasSubstr("too many connections"));
  first.Send(kGet);
  EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
  EXPECT_THAT(metrics_.Render(), HasSubstr("target_eye_http_rejected_connections_total 1\n"));
}

TEST_F(HttpLimitsTest, StopLetsARequestUnderWayEnd) {
  Serve();
  RawClient idle = Connect();
  idle.Send(kGet);
  EXPECT_EQ(StatusOf(idle.ReadResponse()), 200);
  RawClient busy = Connect();
  busy.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kGet));
  handler_.AwaitHeld(1);
  std::thread stopping([&] { EXPECT_EQ(server_->Stop(seconds(20)), 0U); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  handler_.Release();
  const std::string& answer = busy.ReadToEnd();
  EXPECT_EQ(StatusOf(answer), 200);
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  stopping.join();
  EXPECT_EQ(handler_.handled(), 2) << "the request behind it must not be begun";
}

TEST_F(HttpLimitsTest, ConnectionsAreAcceptedAgainOnceThereAreDescriptors) {
  Serve();
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(address().substr(address().rfind(':') + 1))));
  // A sanitizer needs descriptors to check a type that it has not met before.
  Log(LogLevel::kWarning, "about to run out of descriptors", {{"test", "true"}});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{static_cast<rlim_t>(client.get()), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  EXPECT_EQ(::send(client.get(), kLastGet.data(), kLastGet.size(), 0),
            static_cast<ssize_t>(kLastGet.size()));
  std::this_thread::sleep_for(milliseconds(250));
  EXPECT_EQ(handler_.handled(), 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  char answer[15];
  ASSERT_EQ(::recv(client.get(), answer, sizeof answer, MSG_WAITALL), 15);
  EXPECT_EQ(std::string_view(answer, 15), "HTTP/1.1 200 OK");
}

TEST_F(HttpLimitsTest, StopCutsWhatDoesNotEnd) {
  Serve();
  RawClient held = Connect();
  held.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  handler_.AwaitHeld(1);
  EXPECT_EQ(server_->Stop(milliseconds(50)), 1U);
  EXPECT_EQ(held.ReadToEnd(), "");
  handler_.Release();
}

TEST_F(HttpLimitsTest, ALargeAnswerIsNotCutWhileItMoves) {
  options_.write_timeout = milliseconds(1000);
  Serve();
  RawClient client = Connect();
  const int small = 64 << 10;
  ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.Send("GET /shared HTTP/1.1\r\nHost: h\r\n\r\n");
  std::size_t got = 0;
  for (int step = 0; step < 14; ++step) {
    std::this_thread::sleep_for(milliseconds(200));
    got += (1 << 19);
    client.ReadUntil([&](std::string_view text) { return text.size() >= got; });
  }
  EXPECT_EQ(BodyOf(client.ReadResponse()).size(), EchoHandler::kLargeBytes);
}

TEST_F(HttpLimitsTest, OneClientMayHaveOnlySoManyConnections) {
  options_.client_connection_limit = 1;
  Serve();
  {
    RawClient first = Connect();
    first.Send(kGet);
    EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
    EXPECT_EQ(StatusOf(Exchange(kGet)), 503);
    first.Send(kLastGet);
    EXPECT_EQ(StatusOf(first.ReadToEnd()), 200);
  }
  int status = 503;
  for (int i = 0; i < 1000 && status == 503; ++i) {
    status = StatusOf(Exchange(kLastGet));
    std::this_thread::yield();
  }
  EXPECT_EQ(status, 200) << "its place was not given back";
}

TEST_F(HttpLimitsTest, OneRequestTooManyAtOnceIsToldToComeBack) {
  options_.request_limit = 1;
  Serve();
  RawClient waiting = Connect();
  waiting.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
  handler_.AwaitHeld(1);
  RawClient other = Connect();
  // It counts once the handler has gone on without an answer, which may be a moment later.
  std::string answer;
  for (int i = 0; i < 10'000 && StatusOf(answer) != 503; ++i) {
    other.Send(kGet);
    answer = other.ReadResponse();
  }
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_THAT(answer, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 1\r\n"));
  other.Send("GET /-/healthy HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(StatusOf(other.ReadResponse()), 200);
  handler_.Release();
  EXPECT_EQ(StatusOf(waiting.ReadResponse()), 200);
  other.Send(kGet);
  EXPECT_EQ(StatusOf(other.ReadResponse()), 200);
}

TEST_F(HttpLimitsTest, BodiesTogetherAreBounded) {
  options_.buffer_limit_bytes = 150'000;
  Serve();
  const std::string put = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n";
  RawClient first = Connect();
  first.Send("PUT /later HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" +
             std::string(100'000, 'x'));
  handler_.AwaitHeld(1);
  handler_.Release();     // Its header is let in...
  handler_.AwaitHeld(1);  // ...and its body is here.
  RawClient second = Connect();
  second.Send(put + std::string(60'000, 'x'));
  EXPECT_EQ(StatusOf(second.ReadResponse()), 503);
  handler_.Release();
  EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
  first.Send(put + std::string(100'000, 'x'));
  EXPECT_EQ(StatusOf(first.ReadResponse()), 200);
}

}  // namespace
}  // namespace target_eye
