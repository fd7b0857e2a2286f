// HTTP/2 requests that are answered before they are whole.

#include <gmock/gmock.h>

#include <thread>

#include "http/h2/http2_budget.h"
#include "http/testing/http2_client.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::size_t kMiB = 1 << 20;

class Http2EarlyAnswerTest : public TlsServerFixture {
 protected:
  // A request that is refused at its header.
  static Http2Client::Fields Refused() {
    return Http2Client::Request("PUT", "/a", {{"origin", "null"}});
  }
};

TEST_F(Http2EarlyAnswerTest, ItIsNotFollowedByAReset) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Refused(), false);
  EXPECT_EQ(client.Await(stream).status, 403);
  // Whatever was sent right behind it has come before the answer to this.
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
  EXPECT_FALSE(client.Await(stream).reset);
  EXPECT_TRUE(client.SendBody(stream, "targets=a:1"));
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
  std::this_thread::sleep_for(milliseconds(1000));
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
  EXPECT_FALSE(client.Await(stream).reset) << "it has ended by itself";
}

TEST_F(Http2EarlyAnswerTest, TheWholeBodyIsTaken) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const std::string body(5 * kMiB, 'x');
  const auto declared = client.SendRequest(
      Http2Client::Request("PUT", "/a", {{"content-length", std::to_string(body.size())}}), false);
  EXPECT_EQ(client.Await(declared).status, 413) << "before any of it has come";
  EXPECT_TRUE(client.SendBody(declared, body));
  EXPECT_FALSE(client.Await(declared).reset);
  const auto counted = client.SendRequest(Http2Client::Request("PUT", "/a"), false);
  EXPECT_TRUE(client.SendBody(counted, body));
  EXPECT_EQ(client.Await(counted).status, 413);
  EXPECT_FALSE(client.Await(counted).reset);
  const auto forbidden = client.SendRequest(Refused(), false);
  EXPECT_TRUE(client.SendBody(forbidden, body));
  EXPECT_EQ(client.Await(forbidden).status, 403);
  EXPECT_FALSE(client.Await(forbidden).reset);
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
}

TEST_F(Http2EarlyAnswerTest, APauseIsTheEnd) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Refused(), false);
  client.SendBody(stream, "targets=", false);
  EXPECT_EQ(client.AwaitReset(stream), NGHTTP2_NO_ERROR);
  EXPECT_EQ(client.Await(stream).status, 403);
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
}

TEST_F(Http2EarlyAnswerTest, ADripDoesNotOutlastReadTimeout) {
  options_.read_timeout = seconds(1);
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Refused(), false);
  for (int i = 0; i < 400 && client.SendBody(stream, std::string(100, 'x'), false); ++i) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(client.Await(stream).reset, NGHTTP2_NO_ERROR);
}

TEST_F(Http2EarlyAnswerTest, ABodyWithoutEndIsCutOffAlone) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Refused(), false);
  const std::string piece(kMiB, 'x');
  std::size_t sent = 0;
  while (sent < 100 * kMiB && client.SendBody(stream, piece, false)) sent += piece.size();
  EXPECT_GE(sent, 60 * kMiB);
  EXPECT_LT(sent, 70 * kMiB);
  EXPECT_EQ(client.AwaitReset(stream), NGHTTP2_NO_ERROR);
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
}

TEST_F(Http2EarlyAnswerTest, WhatComesForAStreamThatIsOverIsBounded) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Refused(), false);
  EXPECT_EQ(client.AwaitReset(stream), NGHTTP2_NO_ERROR);
  for (int i = 0; i < 4000 && client.SendStray(stream, 16'000); ++i) {
  }
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2EarlyAnswerTest, ItsStreamCountsUntilItIsOver) {
  options_.h2_max_concurrent_streams = 2;
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto first = client.SendRequest(Refused(), false);
  const auto second = client.SendRequest(Refused(), false);
  EXPECT_EQ(client.Await(client.Get("/a")).reset, NGHTTP2_REFUSED_STREAM);
  EXPECT_TRUE(client.SendBody(first, "x"));
  EXPECT_TRUE(client.SendBody(second, "x"));
  EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
}

TEST_F(Http2EarlyAnswerTest, WhoStopsSendingThenDoesNoHarm) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  client.KeepWindowsShut();  // Updates for so little are misuse themselves.
  for (int i = 0; i < 600; ++i) {
    const auto stream = client.SendRequest(Refused(), false);
    ASSERT_EQ(client.Await(stream).status, 403) << i;
    client.Send(NGHTTP2_RST_STREAM, 0, stream, Http2Client::Number(NGHTTP2_CANCEL, 4));
  }
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
}

TEST_F(Http2EarlyAnswerTest, AStopDoesNotWaitForTheRest) {
  options_.read_timeout = seconds(60);
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Refused(), false);
  EXPECT_EQ(client.Await(stream).status, 403);
  std::atomic<bool> stopped = false;
  std::thread stopping([&] {
    EXPECT_EQ(server_->Stop(seconds(60)), 0U);
    stopped = true;
  });
  int sent = 0;
  for (; sent < 400 && !stopped; ++sent) {
    client.SendBody(stream, std::string(100, 'x'), false);
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_LT(sent, 400);
  stopping.join();
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_NO_ERROR);
}

TEST(Http2BudgetTest, WhatIsDroppedIsBoundedForAllStreamsTogether) {
  SteadyTime now;
  Http2Budget budget;
  for (int i = 0; i < 128; ++i) ASSERT_TRUE(budget.TakeDropped(kMiB, now)) << i;
  EXPECT_FALSE(budget.TakeDropped(kMiB, now));
  now += seconds(1);
  EXPECT_TRUE(budget.TakeDropped(kMiB, now));
}

// Expect: 100-continue.

TEST_F(Http2EarlyAnswerTest, WhoMayNotIsToldInsteadOfContinue) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(
      Http2Client::Request("PUT", "/denied", {{"expect", "100-continue"}}), false);
  const auto response = client.Await(stream);
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.informational, 0);
  EXPECT_TRUE(client.SendBody(stream, "abc"));
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
  EXPECT_EQ(handler_.handled(), 1);
}

TEST_F(Http2EarlyAnswerTest, ABodyThatDoesNotWaitForContinueIsTaken) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto whole = client.SendRequest(
      Http2Client::Request("PUT", "/later", {{"expect", "100-continue"}}), false);
  const auto part = client.SendRequest(
      Http2Client::Request("PUT", "/later", {{"expect", "100-continue"}}), false);
  const auto large = client.SendRequest(
      Http2Client::Request("PUT", "/later", {{"expect", "100-continue"}}), false);
  const auto gone = client.SendRequest(
      Http2Client::Request("PUT", "/later", {{"expect", "100-continue"}}), false);
  handler_.AwaitHeld(4);
  EXPECT_TRUE(client.SendBody(whole, "abc"));
  EXPECT_TRUE(client.SendBody(part, "abc", false));
  client.Send(NGHTTP2_RST_STREAM, 0, gone, Http2Client::Number(NGHTTP2_CANCEL, 4));
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
  handler_.Release();
  EXPECT_TRUE(client.SendBody(part, "def"));
  EXPECT_TRUE(client.SendBody(large, std::string(2 * kMiB, 'x')));
  EXPECT_EQ(client.Await(large).status, 413);
  handler_.AwaitHeld(2);
  handler_.Release();
  EXPECT_EQ(client.Await(whole).body, "PUT /later? [] abc");
  EXPECT_EQ(client.Await(part).body, "PUT /later? [] abcdef");
  EXPECT_EQ(handler_.handled(), 3);
}

}  // namespace
}  // namespace target_eye
