#include "api/access_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace target_eye {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Of "U*U", at cost 5 (John the Ripper's test vectors).
constexpr std::string_view kHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
constexpr std::string_view kAlice = "Basic YWxpY2U6VSpV";  // alice:U*U
constexpr std::string_view kBob = "Basic Ym9iOlUqVQ==";    // bob:U*U
constexpr std::string_view kAliceWrong = "Basic YWxpY2U6d3Jvbmc=";
constexpr std::string_view kToken = "Bearer secret-of-ci";

// Answers all, and remembers who asked for what. As every handler, it may be called from several
// threads at once.
class Recorder : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, Respond respond) override {
    {
      const std::lock_guard lock(mutex_);
      listed_groups = request.listed_groups;
      seen.push_back(std::string(request.caller) + " " + std::string(request.method) + " " +
                     std::string(request.path) + std::string(request.body));
    }
    HttpResponse response{.status = 200, .body = "ok", .headers = {}};
    if (request.path.ends_with("/stream")) {
      auto [made, reader] = MakeStream(request);
      stream = std::move(made);
      response.stream = std::move(reader);
    }
    respond(std::move(response));
  }
  void HandleHead(const HttpRequest& request, Respond respond) override {
    {
      const std::lock_guard lock(mutex_);
      seen.push_back(std::string(request.caller) + " expects " + std::string(request.path));
    }
    respond({.status = 100, .body = {}, .headers = {}});
  }
  std::vector<std::string> seen;
  std::shared_ptr<const GroupSet> listed_groups;  // Of the last one.
  std::shared_ptr<ResponseStream> stream;

 private:
  std::mutex mutex_;
};

// Stands still until it is moved.
class StoppedClock : public Clock {
 public:
  SteadyTime Now() const override { return now; }
  WallTime WallNow() const override { return {}; }
  std::atomic<SteadyTime> now{SteadyTime(std::chrono::hours(1))};
};

class AccessGateTest : public ::testing::Test {
 protected:
  HttpResponse Send(std::string_view method, std::string_view path,
                    std::string_view authorization = {},
                    const PeerCertificate* certificate = nullptr) {
    std::promise<HttpResponse> answer;
    gate_.Handle({.method = method,
                  .target = path,
                  .path = path,
                  .query = {},
                  .content_type = {},
                  .authorization = authorization,
                  .body = {},
                  .peer = peer_,
                  .certificate = certificate},
                 [&](HttpResponse response) { answer.set_value(std::move(response)); });
    return answer.get_future().get();
  }
  int StatusOfExpect(std::string_view path, std::string_view authorization) {
    std::promise<HttpResponse> answer;
    gate_.HandleHead({.method = "PUT",
                      .target = path,
                      .path = path,
                      .query = {},
                      .content_type = {},
                      .authorization = authorization,
                      .body = {},
                      .peer = peer_},
                     [&](HttpResponse response) { answer.set_value(std::move(response)); });
    return answer.get_future().get().status;
  }
  int StatusOf(std::string_view method, std::string_view path, std::string_view authorization = {},
               const PeerCertificate* certificate = nullptr) {
    return Send(method, path, authorization, certificate).status;
  }

  static std::vector<std::string> HeadersOf(const HttpResponse& response, std::string_view name) {
    std::vector<std::string> values;
    for (const HttpHeader& header : response.headers) {
      if (header.name == name) values.push_back(header.value);
    }
    return values;
  }

  static WebConfig Users() {
    WebConfig web;
    web.users = {{"alice", std::string(kHash)}, {"bob", std::string(kHash)}};
    return web;
  }

  // Users alice and bob, the token ci, and these rules.
  void UseRules(std::string_view rules) {
    AccessFile access = ParseAccessFile("rules:\n" + std::string(rules), "access.yml").value();
    access.tokens = {{"ci", Sha256("secret-of-ci")}};
    const WebConfig web = Users();
    gate_.Use(AccessPolicy::Make(&web, &access, true).value());
  }

  std::string peer_ = "10.0.0.1:1";
  StoppedClock clock_;
  Metrics metrics_;
  Recorder next_;
  AccessGate gate_{next_, metrics_, clock_};
};

TEST_F(AccessGateTest, WithoutPolicyEverythingIsOpen) {
  EXPECT_EQ(StatusOf("PUT", "/web/prod"), 200);
  EXPECT_EQ(StatusOf("GET", "/metrics", kAliceWrong), 200);
  EXPECT_THAT(next_.seen, ElementsAre(" PUT /web/prod", " GET /metrics"));
}

TEST_F(AccessGateTest, HealthPagesAreOpenWhateverIsSent) {
  UseRules("  []\n");
  EXPECT_EQ(StatusOf("GET", "/-/healthy"), 200);
  EXPECT_EQ(StatusOf("GET", "/-/ready", kAliceWrong), 200);
  EXPECT_EQ(StatusOf("GET", "/-/healthy/"), 401);
}

TEST_F(AccessGateTest, CallerIsHandedOn) {
  UseRules("  - {who: anyone, may: write}\n");
  const PeerCertificate certificate{.subject = "CN=ci,O=Example",
                                    .common_name = "ci",
                                    .dns_names = {},
                                    .uris = {},
                                    .emails = {},
                                    .addresses = {}};
  Send("PUT", "/a/b", kAlice);
  Send("PUT", "/a/b", kAlice);
  Send("PUT", "/a/b", kToken);
  Send("PUT", "/a/b", {}, &certificate);
  Send("PUT", "/a/b", kBob, &certificate);
  Send("PUT", "/a/b");
  EXPECT_THAT(next_.seen, ElementsAre("user:alice PUT /a/b", "user:alice PUT /a/b",
                                      "token:ci PUT /a/b", "certificate:CN=ci,O=Example PUT /a/b",
                                      "user:bob PUT /a/b", " PUT /a/b"));
}

TEST_F(AccessGateTest, AnswersSayWhomTheyAreFor) {
  UseRules("  - {who: 'user:alice', may: write}\n");
  EXPECT_EQ(Send("PUT", "/a/b", kAlice).caller, "user:alice");
  EXPECT_EQ(Send("PUT", "/a/b", kToken).caller, "token:ci") << "who may not is known, too";
  EXPECT_EQ(Send("PUT", "/a/b", kAliceWrong).caller, "") << "what was not proved is not";
  EXPECT_EQ(Send("PUT", "/a/b").caller, "");
}

TEST_F(AccessGateTest, ABodyIsAskedForOnlyOfWhoMaySendIt) {
  EXPECT_EQ(StatusOfExpect("/web/prod", {}), 100) << "without a policy";
  UseRules("  - {who: 'user:alice', may: write, applications: ['web']}\n");
  next_.seen.clear();
  EXPECT_EQ(StatusOfExpect("/web/prod", {}), 401);
  EXPECT_EQ(StatusOfExpect("/web/prod", kAliceWrong), 401);
  EXPECT_EQ(StatusOfExpect("/web/prod", kBob), 403);
  EXPECT_EQ(StatusOfExpect("/db/prod", kAlice), 403);
  EXPECT_THAT(next_.seen, IsEmpty());
  EXPECT_EQ(StatusOfExpect("/web/prod", kAlice), 100);
  EXPECT_EQ(StatusOfExpect("/-/ready", {}), 100);
  EXPECT_THAT(next_.seen, ElementsAre("user:alice expects /web/prod", " expects /-/ready"));
}

TEST_F(AccessGateTest, NobodyIsAskedToLogIn) {
  UseRules("  - {who: login, may: write}\n");
  const HttpResponse response = Send("GET", "/web/prod");
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(
      HeadersOf(response, "WWW-Authenticate"),
      ElementsAre("Basic realm=\"target-eye\", charset=\"UTF-8\"", "Bearer realm=\"target-eye\""));
  EXPECT_THAT(next_.seen, IsEmpty());
}

TEST_F(AccessGateTest, OnlyTheWaysThereAreAreOffered) {
  const WebConfig web = Users();
  gate_.Use(AccessPolicy::Make(&web, nullptr, false).value());
  EXPECT_THAT(HeadersOf(Send("GET", "/web/prod"), "WWW-Authenticate"),
              ElementsAre("Basic realm=\"target-eye\", charset=\"UTF-8\""));
  const AccessFile certificates =
      ParseAccessFile("rules: [{who: login, may: read}]", "access.yml").value();
  gate_.Use(AccessPolicy::Make(nullptr, &certificates, true).value());
  const HttpResponse response = Send("GET", "/web/prod", kAlice);
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.body, HasSubstr("a client certificate is needed"));
}

TEST_F(AccessGateTest, WrongCredentialsAreRefusedEvenWhereNoneAreNeeded) {
  UseRules("  - {who: anyone, may: write}\n");
  EXPECT_EQ(StatusOf("GET", "/web/prod", kAliceWrong), 401);
  const HttpResponse response = Send("GET", "/web/prod", "Bearer other");
  EXPECT_EQ(response.status, 401);
  EXPECT_THAT(response.body, HasSubstr("wrong user, password or token"));
  EXPECT_THAT(HeadersOf(response, "WWW-Authenticate"),
              ElementsAre("Basic realm=\"target-eye\", charset=\"UTF-8\"",
                          "Bearer realm=\"target-eye\", error=\"invalid_token\""));
}

TEST_F(AccessGateTest, KnownCallerWhoMayNotIsToldWhatIsMissing) {
  UseRules("  - {who: user:alice, applications: web, environments: prod, may: read}\n");
  EXPECT_EQ(StatusOf("GET", "/web/prod", kAlice), 200);
  const HttpResponse write = Send("DELETE", "/web/prod", kAlice);
  EXPECT_EQ(write.status, 403);
  EXPECT_THAT(write.body, HasSubstr("user:alice may not write web/prod"));
  EXPECT_THAT(Send("GET", "/db/prod", kAlice).body, HasSubstr("user:alice may not read db/prod"));
  EXPECT_THAT(Send("GET", "/metrics", kBob).body, HasSubstr("user:bob may not use /metrics"));
  EXPECT_THAT(metrics_.Render(), HasSubstr("target_eye_access_denied_total 3"));
}

TEST_F(AccessGateTest, MethodsThatReadNeedReadAndAllOthersWrite) {
  UseRules("  - {who: user:alice, may: read}\n");
  for (const char* method : {"GET", "HEAD", "OPTIONS"}) {
    EXPECT_EQ(StatusOf(method, "/a/b", kAlice), 200) << method;
    EXPECT_EQ(StatusOf(method, "/a/b", kBob), 403) << method;
  }
  for (const char* method : {"PUT", "POST", "DELETE", "PATCH", "get"}) {
    EXPECT_EQ(StatusOf(method, "/a/b", kAlice), 403) << method;
  }
}

TEST_F(AccessGateTest, PathIsDecodedBeforeTheRulesSeeIt) {
  UseRules("  - {who: user:alice, applications: web/x, may: read}\n");
  EXPECT_EQ(StatusOf("GET", "/web%2Fx/prod", kAlice), 200);
  EXPECT_EQ(StatusOf("GET", "/web%252Fx/prod", kAlice), 403);
  EXPECT_EQ(StatusOf("GET", "/%77eb%2fx/prod", kAlice), 200);
}

TEST_F(AccessGateTest, EachPageNeedsItsOwnRule) {
  UseRules("  - {who: user:alice, pages: sd}\n  - {who: user:bob, pages: [metrics, reload]}\n");
  EXPECT_EQ(StatusOf("GET", "/-/sd", kAlice), 200);
  EXPECT_EQ(StatusOf("GET", "/metrics", kAlice), 403);
  EXPECT_EQ(StatusOf("POST", "/-/reload", kAlice), 403);
  EXPECT_EQ(StatusOf("GET", "/-/sd", kBob), 403);
  EXPECT_EQ(StatusOf("GET", "/metrics", kBob), 200);
  EXPECT_EQ(StatusOf("POST", "/-/reload", kBob), 200);
}

TEST_F(AccessGateTest, TheListIsHandedOnWithWhatItsCallerMaySee) {
  UseRules(
      "  - {who: user:alice, pages: sd}\n  - {who: user:bob, environments: prod, may: read}\n"
      "  - {who: anyone, applications: public, pages: sd}\n");
  EXPECT_EQ(StatusOf("GET", "/-/sd", kAlice), 200);
  EXPECT_EQ(next_.listed_groups, nullptr);
  EXPECT_EQ(StatusOf("GET", "/-/sd", kBob), 200);
  ASSERT_NE(next_.listed_groups, nullptr);
  EXPECT_TRUE(next_.listed_groups->Contains({"web", "prod"}));
  EXPECT_TRUE(next_.listed_groups->Contains({"public", "dev"}));
  EXPECT_FALSE(next_.listed_groups->Contains({"web", "dev"}));
  EXPECT_EQ(StatusOf("GET", "/-/sd"), 200);
  ASSERT_NE(next_.listed_groups, nullptr);
  EXPECT_FALSE(next_.listed_groups->Contains({"web", "prod"}));
}

// As Prometheus 2.42 sends `authorization: {credentials: ...}` of an http_sd_config.
TEST_F(AccessGateTest, CredentialsWithoutASchemeAreToldHowToBeWritten) {
  UseRules("  - {who: login, may: read}\n  - {who: anyone, applications: public, pages: sd}\n");
  for (const char* path : {"/-/sd", "/a/b"}) {
    const HttpResponse response = Send("GET", path, "secret-of-ci");
    EXPECT_EQ(response.status, 401) << path;
    EXPECT_THAT(response.body, HasSubstr("Authorization has no scheme; expected `Authorization: "
                                         "Bearer TOKEN` or `Authorization: Basic ...`"));
    EXPECT_THAT(response.body, HasSubstr("write `type: Bearer`"));
    EXPECT_THAT(response.body, Not(HasSubstr("secret")));
  }
  const HttpResponse other = Send("GET", "/-/sd", "Token secret-of-ci");
  EXPECT_EQ(other.status, 401);
  EXPECT_THAT(other.body, HasSubstr("of a scheme that nobody can log in by here; expected"));
  EXPECT_THAT(other.body, Not(HasSubstr("secret")));
  EXPECT_THAT(Send("GET", "/a/b", "Bearer").body, HasSubstr("wrong user, password or token"));
  EXPECT_THAT(Send("GET", "/a/b").body, HasSubstr("a login is needed: send credentials"));
  EXPECT_EQ(StatusOf("GET", "/-/sd", kToken), 200);
}

TEST_F(AccessGateTest, OtherPathsAreForWhoIsLoggedIn) {
  UseRules("  - {who: anyone, may: write, pages: [metrics, sd, reload]}\n");
  for (const char* path : {"/", "/a", "/a/b/c", "/-/other", "/a/%zz", "/%2D/sd"}) {
    EXPECT_EQ(StatusOf("GET", path), 401) << path;
    EXPECT_EQ(StatusOf("GET", path, kBob), 200) << path;
  }
}

TEST_F(AccessGateTest, TooManyFailuresAreSlowed) {
  UseRules("  - {who: login, may: read}\n");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(StatusOf("GET", "/a/b", kAliceWrong), 401);
  const HttpResponse response = Send("GET", "/a/b", kAliceWrong);
  EXPECT_EQ(response.status, 429);
  ASSERT_THAT(HeadersOf(response, "Retry-After"), Not(IsEmpty()));
  EXPECT_GE(std::stoi(HeadersOf(response, "Retry-After").front()), 1);
}

TEST_F(AccessGateTest, AConnectionIsKnownForAMomentInSpiteOfFailuresOfOthers) {
  UseRules("  - {who: user:alice, may: read}\n");
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 200);
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 200);
  peer_ = "10.0.0.1:2";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(StatusOf("GET", "/a/b", kAliceWrong), 401);
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 429);
  peer_ = "10.0.0.1:1";
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 200);
  EXPECT_EQ(StatusOf("GET", "/a/b", kAliceWrong), 429);
  clock_.now = clock_.Now() + AccessGate::kKnownFor;
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 429);
}

TEST_F(AccessGateTest, ConnectionsOfUnixSocketsAreNotTakenForEachOther) {
  UseRules("  - {who: user:alice, may: read}\n");
  peer_ = "unix";
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 200);
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 200);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(StatusOf("GET", "/a/b", kAliceWrong), 401);
  EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 429);
}

TEST_F(AccessGateTest, NewPolicyIsUsedFromNowOn) {
  UseRules("  - {who: user:alice, may: write}\n");
  EXPECT_EQ(StatusOf("PUT", "/a/b", kAlice), 200);
  UseRules("  - {who: user:alice, may: read}\n");
  EXPECT_EQ(StatusOf("PUT", "/a/b", kAlice), 403);
  gate_.Use(nullptr);
  EXPECT_EQ(StatusOf("PUT", "/a/b"), 200);
}

TEST_F(AccessGateTest, PoliciesMayChangeWhileRequestsCome) {
  UseRules("  - {who: user:alice, may: write}\n");
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    while (!stop) {
      UseRules("  - {who: user:alice, may: write}\n");
      gate_.Use(nullptr);
    }
  });
  for (int i = 0; i < 200; ++i) EXPECT_EQ(StatusOf("GET", "/a/b", kAlice), 200);
  stop = true;
  changes.join();
}

// Each of a stream that somebody was let in to, and a reload of the rules.
TEST_F(AccessGateTest, AStreamGoesOnWhileItsCallerMayHaveIt) {
  UseRules("  - {who: 'user:alice', may: read, applications: ['web']}\n");
  const HttpResponse response = Send("GET", "/web/stream", kAlice);
  ASSERT_TRUE(next_.stream);
  UseRules("  - {who: login, may: read}\n");
  EXPECT_FALSE(next_.stream->is_over());
  gate_.Use(nullptr);
  EXPECT_FALSE(next_.stream->is_over()) << "everything is open";
  UseRules("  - {who: 'user:alice', may: read}\n");
  EXPECT_FALSE(next_.stream->is_over());
}

TEST_F(AccessGateTest, AStreamEndsWithItsRight) {
  UseRules("  - {who: 'user:alice', may: read}\n");
  const HttpResponse response = Send("GET", "/web/stream", kAlice);
  UseRules("  - {who: 'user:alice', may: read, applications: ['db']}\n");
  EXPECT_TRUE(next_.stream->is_over());
}

TEST_F(AccessGateTest, AStreamEndsWithThePasswordOrTokenThatLetItIn) {
  UseRules("  - {who: login, may: read}\n");
  const HttpResponse response = Send("GET", "/web/stream", kAlice);
  const auto of_alice = next_.stream;
  const HttpResponse other = Send("GET", "/web/stream", kToken);
  const auto of_token = next_.stream;
  WebConfig web = Users();
  web.users[0].hash[10] ^= 1;
  AccessFile access = ParseAccessFile("rules: [{who: login, may: read}]", "access.yml").value();
  access.tokens = {{"ci", Sha256("secret-of-ci")}};
  gate_.Use(AccessPolicy::Make(&web, &access, true).value());
  EXPECT_TRUE(of_alice->is_over());
  EXPECT_FALSE(of_token->is_over());
  access.tokens = {{"ci", Sha256("another")}};
  gate_.Use(AccessPolicy::Make(&web, &access, true).value());
  EXPECT_TRUE(of_token->is_over());
}

TEST_F(AccessGateTest, AStreamThatWasOpenToAllEndsWhereALoginIsNeeded) {
  const HttpResponse response = Send("GET", "/web/stream");
  ASSERT_TRUE(next_.stream);
  UseRules("  - {who: login, may: read}\n");
  EXPECT_TRUE(next_.stream->is_over());
}

TEST_F(AccessGateTest, LoginsThatStillWaitAreAnsweredAtTheEnd) {
  std::vector<std::future<HttpResponse>> answers;
  {
    AccessGate gate(next_, metrics_, SystemClock());
    const WebConfig web = Users();
    gate.Use(AccessPolicy::Make(&web, nullptr, false).value());
    for (int i = 0; i < 100; ++i) {
      auto answer = std::make_shared<std::promise<HttpResponse>>();
      answers.push_back(answer->get_future());
      gate.Handle({.method = "GET",
                   .target = "/a/b",
                   .path = "/a/b",
                   .query = {},
                   .content_type = {},
                   .authorization = i % 2 == 0 ? kAlice : kBob,
                   .body = {},
                   .peer = "10.0.0.1:1"},
                  [answer](HttpResponse response) { answer->set_value(std::move(response)); });
    }
  }
  for (auto& answer : answers) {
    const int status = answer.get().status;
    EXPECT_TRUE(status == 200 || status == 429) << status;
  }
}

}  // namespace
}  // namespace target_eye
