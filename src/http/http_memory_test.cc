// What clients that stay within every limit can make the server hold, all together.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <string_view>
#include <thread>

#include "http/testing/http2_client.h"
#include "http/testing/raw_server.h"

namespace target_eye {
namespace {

using ::testing::HasSubstr;

std::string Put(std::string_view path, std::size_t length) {
  return "PUT " + std::string(path) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
}
std::string Get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

class HttpMemoryTest : public TlsServerFixture {
 protected:
  // Until a new connection gets another answer than 503.
  int StatusInTheEnd(std::string_view path) {
    int status = 503;
    for (int i = 0; i < 20'000 && status == 503; ++i) {
      RawClient client = Connect();
      client.Send(Get(path));
      status = StatusOf(client.ReadResponse());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return status;
  }
  // Of a client that takes nothing.
  RawClient Stuck(std::string_view path) {
    RawClient client = Connect();
    client.Send(Get(path));
    client.ReadUntil([](std::string_view got) { return got.contains("\r\n\r\n"); });
    return client;
  }
};

TEST_F(HttpMemoryTest, WhoMayNotSendABodyIsToldBeforeItIsRead) {
  options_.buffer_limit_bytes = 50'000;
  Serve();
  RawClient client = Connect();
  client.Send(Put("/denied", 100'000) + std::string(60'000, 'x'));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 403);
  RawClient chunked = Connect();
  chunked.Send("PUT /denied HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" +
               std::string(60'000, 'x'));
  EXPECT_EQ(StatusOf(chunked.ReadResponse()), 403);
  RawClient allowed = Connect();
  allowed.Send(Put("/a", 100'000) + std::string(60'000, 'x'));
  EXPECT_EQ(StatusOf(allowed.ReadResponse()), 503);
}

TEST_F(HttpMemoryTest, WhileAHeadIsJudgedNoMoreIsReadOfTheBody) {
  options_.buffer_limit_bytes = 10'000;
  Serve();
  RawClient waiting = Connect();
  waiting.Send(Put("/later", 50'000) + std::string(50'000, 'x'));
  handler_.AwaitHeld(1);
  RawClient other = Connect();
  other.Send(Put("/a", 9'000) + std::string(9'000, 'x'));
  EXPECT_EQ(StatusOf(other.ReadResponse()), 200) << "there is room for it";
  handler_.Release();
  EXPECT_EQ(StatusOf(waiting.ReadResponse()), 503) << "only now its body counts";
}

TEST_F(HttpMemoryTest, ThatIsSoInHttp2) {
  options_.buffer_limit_bytes = 200'000;
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto denied = client.SendRequest(Http2Client::Request("PUT", "/denied"), false);
  EXPECT_EQ(client.Await(denied).status, 403);
  const auto later = client.SendRequest(Http2Client::Request("PUT", "/later"), false);
  handler_.AwaitHeld(1);
  // As much as it may before it has heard anything.
  const std::string body(client.room(later), 'x');
  ASSERT_TRUE(client.SendBody(later, body, false));
  EXPECT_EQ(client.Await(client.Get("/other")).status, 200);
  EXPECT_EQ(client.room(later), 0U) << "it gets no more room";
  handler_.Release();
  ASSERT_TRUE(client.SendBody(later, std::string(100'000, 'y')));
  handler_.AwaitHeld(1);
  handler_.Release();
  EXPECT_THAT(client.Await(later).body, HasSubstr("xyyy"));
}

TEST_F(HttpMemoryTest, WideHeadersCountAsBodiesDo) {
  options_.buffer_limit_bytes = 20'000;
  Serve();
  const std::string wide = "GET / HTTP/1.1\r\nHost: h\r\nX-A: " + std::string(12'000, 'a');
  std::deque<RawClient> clients;
  int refused = 0;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(Connect());
    clients.back().Send(wide);
    // So that it has been read: a small request beside it is answered after it.
    RawClient other = Connect();
    other.Send(Get("/"));
    EXPECT_EQ(StatusOf(other.ReadResponse()), 200);
  }
  for (RawClient& client : clients) {
    client.Send("\r\n\r\n");
    refused += StatusOf(client.ReadResponse()) == 503 ? 1 : 0;
  }
  EXPECT_GE(refused, 2);
  EXPECT_LT(refused, 4);
}

TEST_F(HttpMemoryTest, WideHeadersCountInHttp2) {
  options_.buffer_limit_bytes = 100'000;
  ServeTls();
  Http2Client client(address());
  client.Start();
  std::deque<std::int32_t> streams;
  const Http2Client::Fields wide = {{"x-a", std::string(7'000, 'a')},
                                    {"x-b", std::string(7'000, 'b')}};
  for (int i = 0; i < 10; ++i) {
    streams.push_back(
        client.SendRequest(Http2Client::Request("PUT", "/" + std::to_string(i), wide), false));
  }
  Http2Client other(address());
  other.Start();
  EXPECT_EQ(other.Await(other.Get("/small")).status, 200);
  while (client.Peek(streams.back()).status == 0) ASSERT_TRUE(client.ReadFrame());
  EXPECT_EQ(client.Peek(streams.front()).status, 0) << "its body is still to come";
  EXPECT_EQ(client.Peek(streams.back()).status, 503);
}

TEST_F(HttpMemoryTest, UnsentAnswersAreBounded) {
  options_.buffer_limit_bytes = 20 << 20;
  Serve();
  const RawClient stuck = Stuck("/large");
  const RawClient stuck_too = Stuck("/large");
  RawClient other = Connect();
  other.Send(Get("/large"));
  const std::string answer = other.ReadResponse();
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_THAT(answer, HasSubstr("\r\nRetry-After: 1\r\n"));
  other.Send(Get("/small"));
  EXPECT_EQ(StatusOf(other.ReadResponse()), 200);
  // It is soon cut off, since others need the room.
  EXPECT_EQ(StatusInTheEnd("/large"), 200);
}

TEST_F(HttpMemoryTest, AnswersWithTheSameBytesCountOnce) {
  options_.buffer_limit_bytes = 17 << 20;
  Serve();
  std::deque<RawClient> stuck;
  for (int i = 0; i < 5; ++i) stuck.push_back(Stuck("/same"));
  for (RawClient& client : stuck) {
    EXPECT_EQ(BodyOf(client.ReadResponse()).size(), EchoHandler::kLargeBytes);
  }
}

TEST_F(HttpMemoryTest, AnAnswerLargerThanTheBudgetIsSent) {
  options_.buffer_limit_bytes = 1 << 20;
  Serve();
  RawClient client = Stuck("/large");
  EXPECT_EQ(BodyOf(client.ReadResponse()).size(), EchoHandler::kLargeBytes);
}

TEST_F(HttpMemoryTest, AnswersBehindAShutWindowAreBounded) {
  options_.buffer_limit_bytes = 20 << 20;
  ServeTls();
  Http2Client client(address());
  client.Start();
  client.KeepWindowsShut();
  const auto first = client.Get("/shared");
  client.Get("/shared");
  const auto last = client.Get("/shared");
  while (client.Peek(last).status == 0) ASSERT_TRUE(client.ReadFrame());
  EXPECT_EQ(client.Peek(first).status, 200);
  EXPECT_EQ(client.Peek(last).status, 503);
  // The slow ones are soon reset, and the connection goes on.
  EXPECT_EQ(client.AwaitReset(first), NGHTTP2_CANCEL);
  const auto again = client.Get("/shared");
  while (client.Peek(again).status == 0) ASSERT_TRUE(client.ReadFrame());
  EXPECT_EQ(client.Peek(again).status, 200);
}

}  // namespace
}  // namespace target_eye
