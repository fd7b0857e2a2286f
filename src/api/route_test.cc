#include "api/route.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "access/access_file.h"
#include "access/access_policy.h"
#include "api/access_gate.h"
#include "api/api.h"
#include "api/cross_origin.h"
#include "http/http_server.h"
#include "http/testing/raw_server.h"
#include "store/testing/memory_store.h"
#include "util/sha256.h"
#include "util/sha256_stream.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "PUT",  "POST",
                                         "DELETE", "OPTIONS", "PATCH"};
constexpr std::string_view kTooMany = "too many requests at once";

// A path of the route.
std::string_view ExampleOf(const Route& route) {
  if (route.id == Route::Id::kGroup) return "/a/e";
  return route.id == Route::Id::kNoPage ? "/-/other" : route.path;
}

// What a rule of the access file must say for a caller to be let in; empty: no rule is needed.
std::string_view RuleFor(AskedRight right) {
  switch (right) {
    case AskedRight::kMetrics:
      return "pages: metrics";
    case AskedRight::kReload:
      return "pages: reload";
    case AskedRight::kList:
      return "pages: sd";
    case AskedRight::kGroup:
      return "may: write";
    case AskedRight::kNothing:
    case AskedRight::kLogin:
      break;
  }
  return "";
}

// The API behind a real server, with all that stands before it.
class RouteTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(registry_.Open().has_value());
    registry_.AddListener(lists_);
    registry_.Start();
  }
  void TearDown() override {
    EndReload();
    server_.reset();
    registry_.Stop();
  }
  void Serve() {
    options_.bind = {"127.0.0.1:0"};
    server_.emplace(options_, cross_origin_, metrics_);
    const auto listening = server_->Listen();
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    server_->Start();
  }
  RawClient Connect() const { return RawClient(server_->addresses().front()); }
  // The whole answer.
  std::string Send(std::string_view method, std::string_view path, std::string_view fields = {}) {
    RawClient client = Connect();
    client.Send(fmt::format("{} {} HTTP/1.1\r\n{}{}Connection: close\r\n\r\n", method, path,
                            fields.contains("Host: ") ? "" : "Host: h\r\n", fields));
    return client.ReadToEnd();
  }
  // The token `rightful` has this rule, unless it is empty; the token `other` has none.
  void UseRule(std::string_view rule) {
    const auto hash = [](std::string_view token) {
      return Hex(Sha256(token), sizeof(Sha256Digest));
    };
    const std::string text = fmt::format(
        "tokens: {{rightful: 'sha256:{}', other: 'sha256:{}'}}\nrules: [{}]", hash("of-rightful"),
        hash("of-other"), rule.empty() ? "" : fmt::format("{{who: token:rightful, {}}}", rule));
    const auto access = ParseAccessFile(text, "access.yml");
    ASSERT_TRUE(access) << access.error().message;
    gate_.Use(AccessPolicy::Make(nullptr, &*access, true).value());
  }
  int StatusFor(const Route& route, std::string_view token) {
    const std::string_view method = route.Allows("POST") ? "POST" : "GET";
    const std::string login =
        token.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", token);
    return StatusOf(Send(method, ExampleOf(route), login));
  }

  // Answers the reload that waits.
  void EndReload() {
    std::move_only_function<void(std::string)> done;
    {
      const std::lock_guard lock(mutex_);
      reload_waits_ = false;
      done = std::exchange(done_, nullptr);
    }
    if (done) done("");
  }
  void Reload(std::move_only_function<void(std::string)> done) {
    {
      const std::lock_guard lock(mutex_);
      if (reload_waits_) {
        done_ = std::move(done);
        return;
      }
    }
    done("");
  }

  MemoryStore store_;
  Metrics metrics_;
  TargetRegistry registry_{store_, metrics_, SystemClock(), {}};
  HttpSdPublisher lists_{{}, metrics_, SystemClock()};
  SdPage sd_page_{lists_, false};
  std::mutex mutex_;
  bool reload_waits_ = false;
  std::move_only_function<void(std::string)> done_;
  Api api_{registry_, metrics_, [] { return ""; }, {.sd = &sd_page_, .reload = [this](auto done) {
                                                      Reload(std::move(done));
                                                    }}};
  AccessGate gate_{api_, metrics_, SystemClock()};
  CrossOrigin cross_origin_{gate_};
  HttpServerOptions options_;
  std::optional<HttpServer> server_;
};

// What is open, for whom, and under which method is said once more here: no row changes unseen.
TEST(RouteTableTest, ServesThis) {
  std::vector<std::string> rows;
  for (const Route& route : kRoutes) {
    std::string row = fmt::format("{}: {}; ", route.path, route.methods);
    row += route.right == AskedRight::kNothing ? "open" : RuleFor(route.right);
    if (route.right == AskedRight::kLogin) row += "login";
    if (route.rules.exempt_from_request_limit) row += "; exempt";
    if (route.rules.any_host) row += "; any host";
    if (route.rules.linkable) row += "; linkable";
    rows.push_back(std::move(row));
  }
  EXPECT_THAT(rows, ElementsAre("/metrics: GET, HEAD, OPTIONS; pages: metrics; exempt",
                                "/-/healthy: GET, HEAD, OPTIONS; open; exempt; any host; linkable",
                                "/-/ready: GET, HEAD, OPTIONS; open; exempt; any host; linkable",
                                "/-/sd: GET, HEAD, OPTIONS; pages: sd; exempt; linkable",
                                "/-/reload: POST, OPTIONS; pages: reload; exempt; linkable",
                                "/-/...: ; login; exempt; linkable",
                                "/...: GET, HEAD, PUT, POST, DELETE, OPTIONS; may: write"));
}

TEST(RouteTableTest, APathIsItsOwnRouteOnlyAsItIsWritten) {
  for (const Route& route : kRoutes) {
    EXPECT_EQ(RouteOf(ExampleOf(route)).id, route.id) << route.path;
  }
  for (const std::string_view path :
       {"/", "/metrics/", "/-", "//-/ready", "/%2D/ready", "/a/b/c"}) {
    EXPECT_EQ(RouteOf(path).id, Route::Id::kGroup) << path;
  }
  for (const std::string_view path : {"/-/", "/-/ready/", "/-/READY", "/-/sdx", "/-/ready/x"}) {
    EXPECT_EQ(RouteOf(path).id, Route::Id::kNoPage) << path;
  }
}

TEST_F(RouteTest, AMethodThatIsNotAmongThemIs405WithThoseThatAre) {
  Serve();
  for (const Route& route : kRoutes) {
    if (route.id == Route::Id::kNoPage) continue;
    const std::string allow = fmt::format("\r\nAllow: {}\r\n", route.methods);
    for (const std::string_view method : kMethods) {
      const std::string answer = Send(method, ExampleOf(route));
      const std::string what = fmt::format("{} {}", method, ExampleOf(route));
      if (method == "OPTIONS") {
        EXPECT_EQ(StatusOf(answer), 204) << what;
        EXPECT_THAT(answer, HasSubstr(allow)) << what;
      } else if (route.Allows(method)) {
        EXPECT_THAT(answer, Not(HasSubstr("Allow: "))) << what;
        EXPECT_NE(StatusOf(answer), 405) << what;
      } else {
        EXPECT_EQ(StatusOf(answer), 405) << what;
        EXPECT_THAT(answer, HasSubstr(allow)) << what;
      }
    }
  }
}

TEST_F(RouteTest, TheRightThatIsAskedIsTheOneThatLetsIn) {
  Serve();
  for (const Route& route : kRoutes) {
    for (const Route& other : kRoutes) {
      const std::string what = fmt::format("{} with the right of {}", route.path, other.path);
      UseRule(RuleFor(other.right));
      const bool is_open = route.right == AskedRight::kNothing;
      const bool asks_for_a_rule = !is_open && route.right != AskedRight::kLogin;
      // Whoever may read a group may see the list of those.
      const bool lists_groups =
          route.right == AskedRight::kList && other.right == AskedRight::kGroup;
      EXPECT_EQ(StatusFor(route, "") == 401, !is_open) << what;
      EXPECT_EQ(StatusFor(route, "of-other") == 403, asks_for_a_rule) << what;
      EXPECT_EQ(StatusFor(route, "of-rightful") == 403,
                asks_for_a_rule && other.right != route.right && !lists_groups)
          << what;
    }
  }
}

TEST_F(RouteTest, WhatIsExemptIsAnsweredAtTheRequestLimit) {
  options_.request_limit = 1;
  reload_waits_ = true;
  Serve();
  RawClient waiting = Connect();
  waiting.Send("POST /-/reload HTTP/1.1\r\nHost: h\r\n\r\n");
  // It counts once the handler has gone on without an answer, which may be a moment later.
  std::string answer;
  for (int i = 0; i < 10'000 && StatusOf(answer) != 503; ++i) answer = Send("GET", "/a/e");
  ASSERT_THAT(answer, HasSubstr(kTooMany));
  for (const Route& route : kRoutes) {
    answer = Send("GET", ExampleOf(route));
    if (route.rules.exempt_from_request_limit) {
      EXPECT_THAT(answer, Not(HasSubstr(kTooMany))) << route.path;
    } else {
      EXPECT_THAT(answer, HasSubstr(kTooMany)) << route.path;
    }
  }
  EXPECT_EQ(StatusOf(Send("GET", "/metrics")), 200);
  EndReload();
  EXPECT_EQ(StatusOf(waiting.ReadResponse()), 200);
  for (int i = 0; i < 10'000 && StatusOf(answer) == 503; ++i) answer = Send("GET", "/a/e");
  EXPECT_EQ(StatusOf(answer), 200);
}

TEST_F(RouteTest, WhatIsForAnyHostIsServedUnderEveryName) {
  options_.server_names = {"named"};
  Serve();
  for (const Route& route : kRoutes) {
    EXPECT_EQ(StatusOf(Send("GET", ExampleOf(route), "Host: 10.0.0.1\r\n")) == 421,
              !route.rules.any_host)
        << route.path;
  }
}

TEST_F(RouteTest, WhatIsLinkableMayBeComeToFromAnotherSite) {
  Serve();
  for (const Route& route : kRoutes) {
    EXPECT_EQ(StatusOf(Send("GET", ExampleOf(route), "Sec-Fetch-Site: cross-site\r\n")) == 403,
              !route.rules.linkable)
        << route.path;
    EXPECT_EQ(StatusOf(Send("POST", ExampleOf(route), "Sec-Fetch-Site: cross-site\r\n")), 403);
  }
}

TEST_F(RouteTest, TheMetricsKnowARouteByItsWord) {
  Serve();
  for (const Route& route : kRoutes) {
    Send(route.Allows("POST") ? "POST" : "GET", ExampleOf(route));
    EXPECT_THAT(metrics_.Render(), HasSubstr(fmt::format("handler=\"{}\"", route.handler)))
        << route.path;
  }
}

}  // namespace
}  // namespace target_eye
