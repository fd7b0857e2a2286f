// Floods and other misuse of HTTP/2: each ends in a GOAWAY or an end, at a bounded cost.

#include <gmock/gmock.h>

#include "http/testing/http2_client.h"

namespace target_eye {
namespace {

using Http2MisuseTest = TlsServerFixture;

TEST_F(Http2MisuseTest, RapidResetIsStopped) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  for (std::int32_t id = 1; id < 4000; id += 2) {
    const std::string frames =
        Http2Client::Frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
                           Http2Client::Block(Http2Client::Request("GET", "/later"))) +
        Http2Client::Frame(NGHTTP2_RST_STREAM, 0, id, Http2Client::Number(NGHTTP2_CANCEL, 4));
    if (!client.IsOpen() || !client.SendBytes(frames)) break;
  }
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_LT(handler_.handled(), 1000);
  handler_.Release();
}

TEST_F(Http2MisuseTest, RequestsThatBreakTheRulesAreStopped) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  for (std::int32_t id = 1; id < 4000; id += 2) {
    const auto request = Http2Client::Request("GET", "/", {{"connection", "close"}});
    if (!client.IsOpen() ||
        !client.Send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, id,
                     Http2Client::Block(request))) {
      break;
    }
  }
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_ENHANCE_YOUR_CALM);
}

struct Flood {
  std::string name;
  std::string frame;
};

class Http2FloodTest : public TlsServerFixture, public testing::WithParamInterface<Flood> {};

TEST_P(Http2FloodTest, EndsTheConnection) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  // One request is open, for the frames that need a stream.
  client.SendRequest(Http2Client::Request("PUT", "/a"), false);
  for (int i = 0; i < 20'000 && client.IsOpen() && client.SendBytes(GetParam().frame); ++i) {
  }
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_ENHANCE_YOUR_CALM);
  EXPECT_EQ(handler_.handled(), 0);
}

std::vector<Flood> Floods() {
  using C = Http2Client;
  return {
      {"Ping", C::Frame(NGHTTP2_PING, 0, 0, "12345678")},
      {"Unknown", C::Frame(0x42, 0, 0, "12345678")},
      {"PriorityUpdate", C::Frame(0x10, 0, 0, "12345678")},
      {"Settings", C::Frame(NGHTTP2_SETTINGS, 0, 0, "")},
      {"Priority", C::Frame(NGHTTP2_PRIORITY, 0, 7, C::Number(0, 4) + "x")},
      {"EmptyData", C::Frame(NGHTTP2_DATA, 0, 1, "")},
      {"TinyData", C::Frame(NGHTTP2_DATA, 0, 1, "x")},
      {"WindowUpdate", C::Frame(NGHTTP2_WINDOW_UPDATE, 0, 0, C::Number(1, 4))},
  };
}
INSTANTIATE_TEST_SUITE_P(All, Http2FloodTest, testing::ValuesIn(Floods()),
                         [](const auto& row) { return row.param.name; });

TEST_F(Http2MisuseTest, AContinuationFloodEndsTheConnection) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  client.Send(NGHTTP2_HEADERS, 0, 1, Http2Client::Block(Http2Client::Request("GET", "/a")));
  for (int i = 0; i < 20'000; ++i) {
    if (!client.Send(NGHTTP2_CONTINUATION, 0, 1, Http2Client::Block({{"a", "b"}}))) break;
  }
  client.AwaitEnd();
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(Http2MisuseTest, AnOversizedFrameEndsTheConnection) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Http2Client::Request("PUT", "/a"), false);
  client.Send(NGHTTP2_DATA, 0, stream, std::string((16 << 10) + 1, 'x'));
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_FRAME_SIZE_ERROR);
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(Http2MisuseTest, ABadPrefaceEndsTheConnection) {
  ServeTls();
  Http2Client client(address());
  client.SendBytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  client.AwaitEnd();
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(Http2MisuseTest, MoreStreamsThanAllowedAreRefused) {
  options_.h2_max_concurrent_streams = 2;
  ServeTls();
  Http2Client client(address());
  client.Start();
  client.Get("/later1");
  client.Get("/later2");
  EXPECT_EQ(client.Await(client.Get("/a")).reset, NGHTTP2_REFUSED_STREAM);
  handler_.AwaitHeld(2);
  handler_.Release();
  EXPECT_EQ(client.Await(1).status, 200);
  EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
}

}  // namespace
}  // namespace target_eye
