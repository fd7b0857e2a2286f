#include "http/h2/http2_session.h"

#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "http/testing/http2_client.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

using Http2SessionTest = TlsServerFixture;

TEST_F(Http2SessionTest, AnswersRequestsOfManyStreams) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 50; ++i) streams.push_back(client.Get("/n" + std::to_string(i) + "?q"));
  for (int i = 0; i < 50; ++i) {
    const auto response = client.Await(streams[static_cast<std::size_t>(i)]);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "GET /n" + std::to_string(i) + "?q [] ");
    EXPECT_EQ(response.fields.at("server"), "target-eye");
    EXPECT_EQ(response.fields.at("x-content-type-options"), "nosniff");
    EXPECT_EQ(response.fields.at("cache-control"), "no-store");
    EXPECT_EQ(response.fields.at("content-length"), std::to_string(response.body.size()));
    EXPECT_EQ(response.fields.count("connection"), 0U);
  }
}

TEST_F(Http2SessionTest, BodiesOfAllSizesArriveWhole) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  for (const std::size_t size : {1UL, 1000UL, 60'000UL}) {
    const std::string body(size, 'b');
    const auto stream =
        client.SendRequest(Http2Client::Request("PUT", "/a", {{"content-type", "t/s"}}), false);
    for (std::size_t at = 0; at < size; at += 16'000) {
      const std::string piece = body.substr(at, 16'000);
      client.Send(NGHTTP2_DATA, at + 16'000 >= size ? NGHTTP2_FLAG_END_STREAM : 0, stream, piece);
    }
    EXPECT_EQ(client.Await(stream).body, "PUT /a? [t/s] " + body) << size;
  }
}

TEST_F(Http2SessionTest, ALargeAnswerArrivesWhole) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto first = client.Get("/large");
  const auto second = client.Get("/a");
  EXPECT_EQ(client.Await(second).body, "GET /a? [] ");
  EXPECT_EQ(client.Await(first).body, std::string(EchoHandler::kLargeBytes, 'L'));
}

TEST_F(Http2SessionTest, HeadHasNoBody) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto response = client.Await(client.SendRequest(Http2Client::Request("HEAD", "/a")));
  EXPECT_EQ(response.fields.at("content-length"), "12");
  EXPECT_EQ(response.body, "");
}

TEST_F(Http2SessionTest, LaterAnswersReachTheirStreams) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto first = client.Get("/later1");
  const auto second = client.Get("/later2");
  handler_.AwaitHeld(2);
  EXPECT_EQ(client.Await(client.Get("/now")).body, "GET /now? [] ");
  handler_.Release();
  EXPECT_EQ(client.Await(second).body, "GET /later2? [] ");
  EXPECT_EQ(client.Await(first).body, "GET /later1? [] ");
}

TEST_F(Http2SessionTest, AnswersToStreamsAndClientsThatAreGoneAreDropped) {
  ServeTls();
  {
    Http2Client client(address());
    client.Start();
    const auto reset = client.Get("/later1");
    handler_.AwaitHeld(1);
    client.Send(NGHTTP2_RST_STREAM, 0, reset, Http2Client::Number(NGHTTP2_CANCEL, 4));
    EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
    handler_.Release();
    EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
    client.Get("/later2");
    handler_.AwaitHeld(1);
    client.tls().raw().Vanish();
  }
  handler_.Release();
  EXPECT_EQ(server_->Stop(seconds(20)), 0U);
}

TEST_F(Http2SessionTest, TheRequestIdGoesBackWhereItWasSentOrTheAnswerIsAnError) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  EXPECT_EQ(client.Await(client.Get("/a")).fields.count("x-request-id"), 0U);
  const auto with = client.Await(
      client.SendRequest(Http2Client::Request("GET", "/a", {{"x-request-id", "abc-1"}})));
  EXPECT_EQ(with.fields.at("x-request-id"), "abc-1");
  const auto bad = client.Await(client.SendRequest(Http2Client::Request("TRACE", "/a")));
  EXPECT_EQ(bad.status, 405);
  EXPECT_EQ(bad.fields.at("x-request-id").size(), 16U);
}

struct BadRequest {
  std::string name;
  int status;
  Http2Client::Fields fields;
};

class Http2GateTest : public TlsServerFixture, public testing::WithParamInterface<BadRequest> {};

TEST_P(Http2GateTest, IsRefusedAndTheConnectionGoesOn) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto response = client.Await(client.SendRequest(GetParam().fields));
  // Newer versions of nghttp2 look into :authority themselves.
  if (GetParam().status == 0 || (GetParam().name == "BadAuthority" && response.reset)) {
    EXPECT_EQ(response.reset, NGHTTP2_PROTOCOL_ERROR);
  } else {
    EXPECT_EQ(response.status, GetParam().status) << response.body;
    EXPECT_THAT(response.body, testing::StartsWith(R"({"message":")"));
    EXPECT_EQ(response.fields.at("content-type"), "application/json");
  }
  EXPECT_EQ(handler_.handled(), 0);
  EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
}

// A status of 0: nghttp2 has refused it, by RST_STREAM.
std::vector<BadRequest> BadRequests() {
  const auto get = [](const Http2Client::Fields& more) {
    return Http2Client::Request("GET", "/a", more);
  };
  Http2Client::Fields many;
  for (int i = 0; i < 101; ++i) many.emplace_back("a", "b");
  return {
      {"Connection", 0, get({{"connection", "close"}})},
      {"TransferEncoding", 0, get({{"transfer-encoding", "chunked"}})},
      {"Upgrade", 0, get({{"upgrade", "h2c"}})},
      {"Te", 0, get({{"te", "gzip"}})},
      {"UpperCaseName", 0, get({{"Abc", "d"}})},
      {"NoPath", 0, {{":method", "GET"}, {":scheme", "https"}, {":authority", "h"}}},
      {"PathWithoutSlash", 0, Http2Client::Request("GET", "a")},
      {"TwoPaths", 0, Http2Client::Request("GET", "/a", {{":path", "/b"}})},
      {"ControlByteInValue", 400, get({{"a", "b\x01"}})},
      {"SpaceInPath", 0, Http2Client::Request("GET", "/a b")},
      {"EightBitPath", 400, Http2Client::Request("GET", "/\xc3\xa4")},
      {"Fragment", 400, Http2Client::Request("GET", "/a#b")},
      {"BadPercent", 400, Http2Client::Request("GET", "/a%zz")},
      {"OtherHost", 400, get({{"host", "other"}})},
      {"TwoAuthorizations", 400, get({{"authorization", "a"}, {"authorization", "b"}})},
      {"ContentEncoding", 400, get({{"content-encoding", "gzip"}})},
      {"BadAuthority",
       400,
       {{":method", "GET"}, {":scheme", "https"}, {":authority", "u@h"}, {":path", "/"}}},
      {"NoAuthority", 0, {{":method", "GET"}, {":scheme", "https"}, {":path", "/"}}},
      {"OtherScheme",
       400,
       {{":method", "GET"}, {":scheme", "ftp"}, {":authority", "h"}, {":path", "/"}}},
      {"Origin", 403, get({{"origin", "https://evil"}})},
      {"CrossSite", 403, get({{"sec-fetch-site", "cross-site"}})},
      {"UnknownMethod", 501, Http2Client::Request("FROB", "/a")},
      {"Trace", 405, Http2Client::Request("TRACE", "/a")},
      {"Expectation", 417, get({{"expect", "more"}})},
      {"LongTarget", 414, Http2Client::Request("GET", "/" + std::string(8 << 10, 'a'))},
      {"ManyFields", 431, get(many)},
  };
}
INSTANTIATE_TEST_SUITE_P(All, Http2GateTest, testing::ValuesIn(BadRequests()),
                         [](const auto& row) { return row.param.name; });

TEST_F(Http2SessionTest, AHeaderOverItsLimitIsRefused) {
  options_.h2_max_header_list_size = 2000;
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto with = [&](std::size_t bytes) {
    return client.Await(
        client.SendRequest(Http2Client::Request("GET", "/a", {{"a", std::string(bytes, 'x')}})));
  };
  EXPECT_EQ(with(1000).status, 200);
  EXPECT_EQ(with(2000).status, 431);
}

TEST_F(Http2SessionTest, AHeaderOf200KiBIsRefusedAlone) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  std::string block = Http2Client::Block(Http2Client::Request("GET", "/a"));
  for (int i = 0; i < 50; ++i) block += Http2Client::Block({{"a", std::string(4 << 10, 'x')}});
  constexpr std::size_t kFrameBytes = 16 << 10;
  client.Send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_STREAM, 1, block.substr(0, kFrameBytes));
  for (std::size_t at = kFrameBytes; at < block.size(); at += kFrameBytes) {
    const bool last = at + kFrameBytes >= block.size();
    client.Send(NGHTTP2_CONTINUATION, last ? NGHTTP2_FLAG_END_HEADERS : 0, 1,
                block.substr(at, kFrameBytes));
  }
  const auto response = client.Await(1);
  EXPECT_EQ(response.status, 431);
  EXPECT_THAT(response.body, HasSubstr("the header must be at most 65536 bytes"));
  client.Send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3,
              Http2Client::Block(Http2Client::Request("GET", "/b")));
  EXPECT_EQ(client.Await(3).status, 200);
}

TEST_F(Http2SessionTest, BodiesOverTheLimitAreRefusedDeclaredOrNot) {
  options_.body_limit_bytes = 1000;
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto declared =
      client.SendRequest(Http2Client::Request("PUT", "/a", {{"content-length", "1001"}}), false);
  EXPECT_EQ(client.Await(declared).status, 413);
  const auto counted = client.SendRequest(Http2Client::Request("PUT", "/a"), false);
  client.Send(NGHTTP2_DATA, 0, counted, std::string(600, 'x'));
  client.Send(NGHTTP2_DATA, 0, counted, std::string(600, 'x'));
  EXPECT_EQ(client.Await(counted).status, 413);
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(Http2SessionTest, AllBodiesOfAConnectionAreBoundedTogether) {
  options_.body_limit_bytes = 10'000;
  ServeTls();
  Http2Client client(address());
  client.Start();
  std::int32_t last = 0;
  for (int i = 0; i < 5; ++i) {
    last = client.SendRequest(Http2Client::Request("PUT", "/a"), false);
    client.Send(NGHTTP2_DATA, 0, last, std::string(9000, 'x'));
  }
  EXPECT_EQ(client.Await(last).status, 503);
}

TEST_F(Http2SessionTest, ABodyThatIsNotAsLongAsDeclaredIsRefused) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream =
      client.SendRequest(Http2Client::Request("PUT", "/a", {{"content-length", "5"}}), false);
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, "abc");
  EXPECT_EQ(client.Await(stream).reset, NGHTTP2_PROTOCOL_ERROR);
  EXPECT_EQ(handler_.handled(), 0);
  EXPECT_THAT(
      metrics_.Render(),
      HasSubstr(R"(target_eye_http_requests_total{code="400",method="PUT",handler="framing"} 1)"));
}

TEST_F(Http2SessionTest, TrailersAreRefused) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream = client.SendRequest(Http2Client::Request("PUT", "/a"), false);
  client.Send(NGHTTP2_DATA, 0, stream, "abc");
  client.Send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream,
              Http2Client::Block({{"authorization", "x"}}));
  EXPECT_EQ(client.Await(stream).status, 400);
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(Http2SessionTest, ContinueIsSentToWhoWaitsForIt) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto stream =
      client.SendRequest(Http2Client::Request("PUT", "/a", {{"expect", "100-continue"}}), false);
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
  client.Send(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, "abc");
  const auto response = client.Await(stream);
  EXPECT_EQ(response.informational, 100);
  EXPECT_EQ(response.body, "PUT /a? [] abc");
}

TEST_F(Http2SessionTest, ARequestThatIsTooSlowIsTimedOutAlone) {
  options_.read_timeout = milliseconds(200);
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto slow = client.SendRequest(Http2Client::Request("PUT", "/a"), false);
  EXPECT_EQ(client.Await(slow).status, 408);
  EXPECT_EQ(client.Await(client.Get("/b")).status, 200);
}

TEST_F(Http2SessionTest, AHeaderThatNeverEndsEndsTheConnection) {
  options_.read_timeout = milliseconds(200);
  ServeTls();
  Http2Client client(address());
  client.Start();
  EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
  client.Send(NGHTTP2_HEADERS, 0, 3, Http2Client::Block({{":method", "GET"}}));
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2SessionTest, AnIdleConnectionIsEndedWithGoaway) {
  options_.keep_alive_timeout = milliseconds(200);
  ServeTls();
  Http2Client client(address());
  client.Start();
  EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
  EXPECT_EQ(client.AwaitEnd(), NGHTTP2_NO_ERROR);
  EXPECT_TRUE(client.tls().closed());
}

TEST_F(Http2SessionTest, AStreamWhoseWindowStaysShutIsCutOff) {
  options_.write_timeout = milliseconds(300);
  ServeTls();
  Http2Client client(address());
  client.Start(Http2Client::Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0));
  const auto stream = client.Get("/large");
  EXPECT_EQ(client.Await(stream).reset, NGHTTP2_CANCEL);
}

TEST_F(Http2SessionTest, AClientThatDoesNotReadIsCutOff) {
  options_.write_timeout = milliseconds(300);
  ServeTls();
  Http2Client client(address());
  client.Start(Http2Client::Setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1U << 30));
  client.Send(NGHTTP2_WINDOW_UPDATE, 0, 0, Http2Client::Number(1U << 30, 4));
  for (int i = 0; i < 8; ++i) client.Get("/large");
  while (metrics_.Render().find("target_eye_http_connections 0\n") == std::string::npos ||
         handler_.handled() == 0) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  client.KeepWindowsShut();
  client.AwaitEnd();
}

TEST_F(Http2SessionTest, StopLetsRequestsUnderWayEndAndSaysGoaway) {
  ServeTls();
  Http2Client idle(address());
  idle.Start();
  EXPECT_EQ(idle.Await(idle.Get("/a")).status, 200);
  Http2Client busy(address());
  busy.Start();
  const auto stream = busy.Get("/later");
  handler_.AwaitHeld(1);
  std::thread stopping([&] { EXPECT_EQ(server_->Stop(seconds(20)), 0U); });
  EXPECT_EQ(idle.AwaitEnd(), NGHTTP2_NO_ERROR);
  while (!busy.goaway()) ASSERT_TRUE(busy.ReadFrame());
  handler_.Release();
  EXPECT_EQ(busy.Await(stream).status, 200);
  EXPECT_EQ(busy.AwaitEnd(), NGHTTP2_NO_ERROR);
  stopping.join();
}

TEST_F(Http2SessionTest, AfterAnAnswerThatCameHeldBackRequestsCount) {
  options_.request_limit = 1;
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto held = client.Get("/later");
  handler_.AwaitHeld(1);
  const auto refused = client.Await(client.Get("/a"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
  handler_.Release();
  EXPECT_EQ(client.Await(held).status, 200);
  EXPECT_EQ(client.Await(client.Get("/a")).status, 200);
}

TEST_F(Http2SessionTest, ItsLineInTheAccessLogNamesVersionAndScheme) {
  const TempDirectory directory;
  options_.access_log = directory / "access.log";
  options_.access_log_format = R"("%(R)s" %(S)s %(s)s %(b)s %({x-a}i)s %({Content-Type}o)s %(i)s)";
  ServeTls();
  {
    Http2Client client(address());
    client.Start();
    client.Await(client.SendRequest(
        Http2Client::Request("GET", "/a?b", {{"x-a", "v"}, {"x-request-id", "r1"}})));
  }
  server_.reset();
  std::ifstream file(options_.access_log);
  const std::string lines(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(lines, "\"GET /a?b 2\" https 200 12 v text/plain r1\n");
}

}  // namespace
}  // namespace target_eye
