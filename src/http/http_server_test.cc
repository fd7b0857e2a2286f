#include "http/http_server.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <thread>

#include "http/testing/raw_server.h"
#include "telemetry/log.h"
#include "util/testing/no_room_for_threads.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kGet = "GET /a/b HTTP/1.1\r\nHost: h\r\n\r\n";
constexpr std::string_view kLastGet = "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

using HttpServerTest = HttpServerFixture;

TEST_F(HttpServerTest, AnswersAndKeepsTheConnection) {
  Serve();
  RawClient client = Connect();
  for (int i = 0; i < 3; ++i) {
    client.Send("GET /a/b?c=d HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string answer = client.ReadResponse();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
    EXPECT_THAT(answer, HasSubstr("\r\nServer: target-eye\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Connection:")));
    EXPECT_EQ(BodyOf(answer), "GET /a/b?c=d [] ");
  }
}

TEST_F(HttpServerTest, AStartWithoutRoomForThreadsFailsAndLeavesNothingRunning) {
  options_.threads = 3;
  server_.emplace(options_, handler_, metrics_);
  ASSERT_TRUE(server_->Listen().has_value());
  {
    const NoRoomForThreads no_room;
    EXPECT_THROW(server_->Start(), std::system_error);
  }
  EXPECT_EQ(server_->Stop(seconds(0)), 0U);
}

TEST_F(HttpServerTest, LeavesOutTheServerHeaderWhenTold) {
  options_.include_server_header = false;
  Serve();
  EXPECT_THAT(Exchange(kLastGet), Not(HasSubstr("Server:")));
}

TEST_F(HttpServerTest, BodiesOfAllSizesArriveWhole) {
  Serve();
  RawClient client = Connect();
  for (const std::size_t size : {0UL, 1UL, 4000UL, 4096UL, 5000UL, 70'000UL, 1UL << 20}) {
    std::string body(size, 'x');
    for (std::size_t i = 0; i < size; i += 97) body[i] = static_cast<char>('a' + i % 26);
    client.Send("PUT /a/b HTTP/1.1\r\nHost: h\r\nContent-Type: t/s\r\nContent-Length: " +
                std::to_string(size) + "\r\n\r\n");
    client.Send(body);
    EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /a/b? [t/s] " + body) << size;
  }
}

TEST_F(HttpServerTest, ChunkedBodiesMayBeSplitAnywhere) {
  Serve();
  const std::string request =
      "PUT /a/b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3\r\nabc\r\n00A;x=\"y\\\"\" ; z\r\n0123456789\r\n0\r\n\r\n";
  for (std::size_t split = 1; split < request.size(); ++split) {
    RawClient client = Connect();
    client.Send(request.substr(0, split));
    std::this_thread::yield();
    client.Send(request.substr(split) + std::string(kLastGet));
    EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /a/b? [] abc0123456789") << split;
    EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /last? [] ") << split;
  }
}

TEST_F(HttpServerTest, ALargeChunkedBodyArrivesWhole) {
  Serve();
  RawClient client = Connect();
  std::string request = "PUT /a/b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  std::string body;
  for (int i = 1; body.size() + static_cast<std::size_t>(i) <= 1 << 20; i += 37) {
    const std::string chunk(static_cast<std::size_t>(i), static_cast<char>('a' + i % 26));
    std::ostringstream size;
    size << std::hex << i;
    request += size.str() + "\r\n" + chunk + "\r\n";
    body += chunk;
  }
  client.Send(request + "0\r\n\r\n");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /a/b? [] " + body);
}

TEST_F(HttpServerTest, AHundredPipelinedRequestsAreAnsweredInOrder) {
  Serve();
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    const std::string body = std::to_string(i);
    requests += "PUT /n HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body;
  }
  for (const bool byte_by_byte : {false, true}) {
    RawClient client = Connect();
    if (byte_by_byte) {
      client.SendByteByByte(requests);
    } else {
      client.Send(requests);
    }
    for (int i = 0; i < 100; ++i) {
      EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /n? [] " + std::to_string(i));
    }
  }
}

TEST_F(HttpServerTest, RequestsBehindOneThatWaitsAreAnsweredAfterIt) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /later HTTP/1.1\r\nHost: h\r\n\r\n" +
              std::string(kLastGet));
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /1? [] ");
  handler_.AwaitHeld(1);
  EXPECT_EQ(handler_.handled(), 2);
  handler_.Release();
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /later? [] ");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /last? [] ");
}

TEST_F(HttpServerTest, ManyAnswersFromOneThreadReachTheirClients) {
  Serve();
  std::vector<RawClient> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(Connect());
    clients.back().Send("GET /later" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n");
  }
  handler_.AwaitHeld(64);
  handler_.Release();
  for (int i = 0; i < 64; ++i) {
    EXPECT_EQ(BodyOf(clients[static_cast<std::size_t>(i)].ReadResponse()),
              "GET /later" + std::to_string(i) + "? [] ");
  }
}

TEST_F(HttpServerTest, AnAnswerToAClientWhoVanishedIsDropped) {
  Serve();
  for (int i = 0; i < 8; ++i) {
    RawClient client = Connect();
    client.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    handler_.AwaitHeld(1);
    client.Vanish();
    handler_.Release();
  }
  EXPECT_EQ(StatusOf(Exchange(kLastGet)), 200);
}

TEST_F(HttpServerTest, HeadHasTheHeaderOfGetWithoutItsBody) {
  Serve();
  RawClient client = Connect();
  client.Send("HEAD /a/b HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kLastGet));
  const std::string& answers = client.ReadToEnd();
  const std::size_t second = answers.find("HTTP/1.1 ", 1);
  ASSERT_NE(second, std::string::npos);
  EXPECT_THAT(answers.substr(0, second), HasSubstr("\r\nContent-Length: 14\r\n"));
  EXPECT_THAT(answers.substr(0, second), testing::EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, Http10ClosesUnlessAskedToKeepTheConnection) {
  Serve();
  const std::string closed = Exchange("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_EQ(StatusOf(closed), 200);
  EXPECT_THAT(closed, HasSubstr("\r\nConnection: close\r\n"));
  RawClient client = Connect();
  client.Send("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), HasSubstr("\r\nConnection: keep-alive\r\n"));
  client.Send(kLastGet);
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, AClientThatOnlyEndsSendingGetsItsAnswer) {
  Serve();
  RawClient client = Connect();
  client.Send(kGet);
  client.EndSending();
  EXPECT_EQ(StatusOf(client.ReadToEnd()), 200);
  EXPECT_TRUE(client.closed());
}

TEST_F(HttpServerTest, ARequestThatEndsEarlyIsRefused) {
  Serve();
  for (const std::string_view part :
       {"GET /a HT", "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc",
        "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\nabc",
        "PUT /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"}) {
    RawClient client = Connect();
    client.Send(part);
    client.EndSending();
    EXPECT_EQ(StatusOf(client.ReadToEnd()), 400) << part;
  }
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(HttpServerTest, OneEmptyLineBeforeARequestIsSkipped) {
  Serve();
  RawClient client = Connect();
  client.Send("\r\n" + std::string(kGet));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
  client.SendByteByByte("\r\n" + std::string(kGet));
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, HalfAnEmptyLineBeginsNoRequest) {
  Serve();
  for (const std::string_view line : {"\r\n", "\r"}) {
    RawClient client = Connect();
    client.Send(kGet);
    EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
    client.SendByteByByte(line);
    client.EndSending();
    EXPECT_EQ(client.ReadToEnd(), "");
    EXPECT_TRUE(client.closed());
  }
}

TEST_F(HttpServerTest, SendsContinueBeforeABodyThatIsWaitedFor) {
  Serve();
  RawClient client = Connect();
  client.Send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.ReadResponse(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("abc");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /a? [] abc");
}

TEST_F(HttpServerTest, SendsNoContinueWhenTheBodyHasBegunOrThereIsNone) {
  Serve();
  RawClient client = Connect();
  client.Send("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, WhoMayNotIsToldInsteadOfContinue) {
  Serve();
  const std::string answer = Exchange(
      "PUT /denied HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(StatusOf(answer), 403);
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(handler_.handled(), 0);
}

// However long the body is to be, and whether its length is known.
TEST_F(HttpServerTest, WhoWaitsForContinueIsToldSoWhateverTheFraming) {
  Serve();
  for (const std::string framing :
       {"Content-Length: 3", "Content-Length: 100000", "Transfer-Encoding: chunked"}) {
    RawClient client = Connect();
    client.Send("PUT /a HTTP/1.1\r\nHost: h\r\n" + framing + "\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_THAT(client.ReadUntil([](std::string_view got) { return got.ends_with("\r\n\r\n"); }),
                HasSubstr("100 Continue"))
        << framing;
  }
}

TEST_F(HttpServerTest, ContinueIsSentOnceTheHandlerSaysSo) {
  options_.read_timeout = milliseconds(300);
  Serve();
  RawClient client = Connect();
  client.Send(
      "PUT /later HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  handler_.AwaitHeld(1);
  // The client's time does not run meanwhile.
  std::this_thread::sleep_for(milliseconds(600));
  handler_.Release();
  EXPECT_EQ(client.ReadResponse(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("abc" + std::string(kLastGet));
  handler_.AwaitHeld(1);
  handler_.Release();
  EXPECT_EQ(BodyOf(client.ReadResponse()), "PUT /later? [] abc");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, WhatIsNotHttp1IsNamed) {
  Serve();
  const std::string v2("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\x12\x67\0\x50",
                       28);
  const struct {
    std::string bytes;
    int status;
    std::string_view word;
  } rows[] = {
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/2 is spoken over TLS only"},
      {"PROXY TCP4 10.0.0.1 10.0.0.2 4711 80\r\n" + std::string(kLastGet), 400, "TRUSTED_PROXIES"},
      {"PROXY TCP6 ::1 ::1 4711 80\r\n", 400, "TRUSTED_PROXIES"},
      {"PROXY UNKNOWN\r\n", 400, "TRUSTED_PROXIES"},
      {v2, 400, "TRUSTED_PROXIES"},
      {v2 + std::string(kLastGet), 400, "TRUSTED_PROXIES"},
      {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 10), 400, "plain HTTP"},
  };
  for (const auto& row : rows) {
    const std::string answer = Exchange(row.bytes);
    EXPECT_EQ(StatusOf(answer), row.status) << row.bytes;
    EXPECT_THAT(BodyOf(answer), HasSubstr(row.word));
  }
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(HttpServerTest, AnUpgradeIsIgnored) {
  Serve();
  RawClient client = Connect();
  client.Send(
      "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"
      "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, OptionsForTheServerNamesTheMethods) {
  Serve();
  RawClient client = Connect();
  client.Send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = client.ReadResponse();
  EXPECT_EQ(StatusOf(answer), 204);
  EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n"));
  EXPECT_EQ(handler_.handled(), 0);
}

TEST_F(HttpServerTest, OtherKnownMethodsAreTheHandlersMatter) {
  Serve();
  RawClient client = Connect();
  client.Send("PATCH /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "PATCH /a? [] ");
}

TEST_F(HttpServerTest, AbsoluteFormForThisHostIsServed) {
  Serve();
  RawClient client = Connect();
  client.Send("GET http://H:80/a?b HTTP/1.1\r\nHost: h:80\r\n\r\n");
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /a?b [] ");
}

TEST_F(HttpServerTest, PagesOfItsOwnOriginMayUseIt) {
  Serve();
  RawClient client = Connect();
  client.Send(
      "PUT /a HTTP/1.1\r\nHost: h:80\r\nOrigin: http://h:80\r\n"
      "Sec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, OtherServerNamesAreMisdirected) {
  options_.server_names = {"target-eye.example"};
  Serve();
  EXPECT_EQ(StatusOf(Exchange("GET /a HTTP/1.1\r\nHost: other\r\n\r\n")), 421);
  EXPECT_EQ(StatusOf(Exchange("GET /a HTTP/1.0\r\n\r\n")), 421);
  RawClient client = Connect();
  client.Send("GET /a HTTP/1.1\r\nHost: Target-Eye.Example:8000\r\n\r\n");
  EXPECT_EQ(StatusOf(client.ReadResponse()), 200);
}

TEST_F(HttpServerTest, TheRootPathIsTakenOffAndOtherPathsAreNotFound) {
  options_.root_path = "/eye";
  Serve();
  RawClient client = Connect();
  const auto get = [&](std::string_view path) {
    client.Send("GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    return client.ReadResponse();
  };
  EXPECT_EQ(BodyOf(get("/eye/a/b?c")), "GET /a/b?c [] ");
  EXPECT_EQ(BodyOf(get("/eye")), "GET /? [] ");
  EXPECT_EQ(StatusOf(get("/eyes/a")), 404);
  EXPECT_EQ(
      BodyOf(get("/a/b")),
      R"({"message":"path \"/a/b\": expected one that begins with /eye, below which all is served here"})");
}

TEST_F(HttpServerTest, ALargeAnswerArrivesWholeAndInOrder) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kGet) +
              "GET /large HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kLastGet));
  const std::string large(EchoHandler::kLargeBytes, 'L');
  EXPECT_EQ(BodyOf(client.ReadResponse()), large);
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /a/b? [] ");
  EXPECT_EQ(BodyOf(client.ReadResponse()), large);
  EXPECT_EQ(BodyOf(client.ReadResponse()), "GET /last? [] ");
}

TEST_F(HttpServerTest, ServesAUnixSocketAndRemovesItsFile) {
  const TempDirectory directory;
  const std::string path = directory / "socket";
  options_.bind = {"unix:" + path};
  options_.unix_socket_mode = 0640;
  Serve();
  EXPECT_EQ(address(), "unix:" + path);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  ASSERT_EQ(::send(client.get(), kLastGet.data(), kLastGet.size(), 0),
            static_cast<ssize_t>(kLastGet.size()));
  char answer[15];
  ASSERT_EQ(::recv(client.get(), answer, sizeof answer, MSG_WAITALL), 15);
  EXPECT_EQ(std::string_view(answer, 15), "HTTP/1.1 200 OK");
  server_->Stop(milliseconds(0));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HttpServerTest, ListenBindsAllAddressesOrNone) {
  Serve();
  options_.bind = {"127.0.0.1:0", address()};
  HttpServer other(options_, handler_, metrics_);
  const auto listening = other.Listen();
  ASSERT_FALSE(listening.has_value());
  EXPECT_EQ(listening.error().code, ErrorCode::kInUse);
  EXPECT_THAT(listening.error().message, HasSubstr(address()));
  EXPECT_TRUE(other.addresses().empty());
}

TEST_F(HttpServerTest, EveryAnswerIsOneLineInTheAccessLog) {
  const TempDirectory directory;
  const std::string path = directory / "access.log";
  options_.access_log = path;
  options_.access_log_format = R"("%(R)s" %(s)s %(b)s "%(a)s")";
  Serve();
  Exchange("GET /a?b HTTP/1.1\r\nHost: h\r\nUser-Agent: x\"y\r\nConnection: close\r\n\r\n");
  Exchange("GET /\x1b[31m HTTP/1.1\r\nHost: h\r\n\r\n");
  server_.reset();
  std::ifstream file(path);
  std::string lines(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(lines, StartsWith("\"GET /a?b 1.1\" 200 12 \"x\\x22y\"\n"
                                "\"GET /\\x1B[31m 1.1\" 400 "));
  EXPECT_EQ(std::ranges::count(lines, '\n'), 2);
}

TEST_F(HttpServerTest, AnswersAreCountedByCodeMethodAndHandler) {
  Serve();
  Exchange(kLastGet);
  Exchange("FROB / HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string text = metrics_.Render();
  EXPECT_THAT(
      text,
      HasSubstr(R"(target_eye_http_requests_total{code="200",method="GET",handler="echo"} 1)"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(target_eye_http_requests_total{code="501",method="other",handler="framing"} 1)"));
  EXPECT_THAT(text, HasSubstr("target_eye_http_connections_total 2\n"));
}

TEST_F(HttpServerTest, TheRequestIdGoesBackWhereItWasSentOrTheAnswerIsAnError) {
  Serve();
  RawClient client = Connect();
  client.Send(kGet);
  EXPECT_THAT(client.ReadResponse(), Not(HasSubstr("X-Request-Id")));
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\nx-request-id: aZ0._:/+=-\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), HasSubstr("\r\nX-Request-Id: aZ0._:/+=-\r\n"));
  client.Send("GET /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: a b\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), Not(HasSubstr("X-Request-Id")));
  client.Send("BAD\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), testing::ContainsRegex("\r\nX-Request-Id: [0-9a-f]{16}\r\n"));
}

TEST_F(HttpServerTest, ConfiguredHeadersAreInEveryAnswerAndMayBeExchanged) {
  options_.response_headers = {{"X-Frame-Options", "deny"}};
  Serve();
  RawClient client = Connect();
  client.Send(kGet);
  const std::string first = client.ReadResponse();
  EXPECT_THAT(first, HasSubstr("\r\nX-Frame-Options: deny\r\n"));
  EXPECT_THAT(first, HasSubstr("\r\nX-Content-Type-Options: nosniff\r\n"));
  EXPECT_THAT(first, HasSubstr("\r\nCache-Control: no-store\r\n"));
  server_->UseResponseHeaders({{"x-content-type-options", "other"}, {"cache-control", "private"}});
  client.Send(kGet);
  const std::string second = client.ReadResponse();
  EXPECT_THAT(second, Not(HasSubstr("X-Frame-Options")));
  EXPECT_THAT(second, HasSubstr("\r\nx-content-type-options: other\r\n"));
  EXPECT_THAT(second, Not(HasSubstr("nosniff")));
  EXPECT_THAT(second, HasSubstr("\r\ncache-control: private\r\n"));
  EXPECT_THAT(second, Not(HasSubstr("no-store")));
}

TEST_F(HttpServerTest, AListedOriginMayUseIt) {
  options_.allowed_origins = {"https://ui.example"};
  Serve();
  const auto put = [&](std::string_view origin) {
    return StatusOf(Exchange("PUT /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nOrigin: " +
                             std::string(origin) + "\r\nSec-Fetch-Site: cross-site\r\n\r\n"));
  };
  EXPECT_EQ(put("https://UI.example"), 200);
  EXPECT_EQ(put("https://other.example"), 403);
}

}  // namespace
}  // namespace target_eye
