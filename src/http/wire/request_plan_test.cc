#include "http/wire/request_plan.h"

#include <gmock/gmock.h>

#include "http/wire/framing_gate.h"
#include "http/wire/request_parser.h"

namespace target_eye {
namespace {

// The plan for a request with this request line and these fields.
class RequestPlanTest : public testing::Test {
 protected:
  std::expected<RequestPlan, Refusal> Plan(std::string_view line, std::string_view fields) {
    bytes_ = std::string(line) + "\r\n" + std::string(fields) + "\r\n";
    EXPECT_FALSE(CheckHeadBytes(bytes_).has_value()) << bytes_;
    const auto refusal = ParseRequestHead(bytes_, head_);
    EXPECT_FALSE(refusal.has_value()) << bytes_;
    return PlanRequest(head_, policy_);
  }
  int StatusOfGet(std::string_view fields) {
    const auto plan = Plan("GET /a HTTP/1.1", fields);
    return plan ? 200 : plan.error().status;
  }

  RequestPolicy policy_;
  std::string bytes_;
  RequestHead head_;
};

TEST_F(RequestPlanTest, SplitsTheTarget) {
  struct Row {
    std::string_view target, path, query;
  };
  for (const Row& row : {Row{"/a/b", "/a/b", ""}, Row{"/a?b?c", "/a", "b?c"}, Row{"/?", "/", ""},
                         Row{"//b", "//b", ""}, Row{"http://h:1", "/", ""},
                         Row{"HTTP://H:1/x?y", "/x", "y"}, Row{"https://h:1?y", "/", "y"}}) {
    const auto plan = Plan("GET " + std::string(row.target) + " HTTP/1.1", "Host: h:1\r\n");
    ASSERT_TRUE(plan.has_value()) << row.target;
    EXPECT_EQ(plan->path, row.path);
    EXPECT_EQ(plan->query, row.query);
  }
}

TEST_F(RequestPlanTest, DotsBetweenSlashesAreRefused) {
  policy_.root_path = "/root";
  for (const std::string_view target :
       {"/root/a/../b", "/root/./a", "/root/a/..", "/root/a/.", "/..", "/.?q", "/root/a/%2e%2E/b",
        "/root/a/.%2e", "/root/%2e", "/root/../root/a/b", "http://h/root/..",
        "http://h/../root/a"}) {
    const auto plan = Plan("GET " + std::string(target) + " HTTP/1.1", "Host: h\r\n");
    ASSERT_FALSE(plan.has_value()) << target;
    EXPECT_EQ(plan.error().status, 400) << target;
    EXPECT_THAT(plan.error().message, testing::HasSubstr("`..`")) << target;
  }
  for (const std::string_view target : {"/root/a..b/...", "/root/.a/b.", "/root/a/%2e%2e%2e",
                                        "/root/a?../b", "/root/a/..%2Fb", "/root/%252e/b"}) {
    EXPECT_TRUE(Plan("GET " + std::string(target) + " HTTP/1.1", "Host: h\r\n").has_value())
        << target;
  }
}

TEST_F(RequestPlanTest, HostsAreNamesOrAddressesWithAnOptionalPort) {
  for (const std::string_view host :
       {"h", "h:80", "h:", "a.b-c_d.example", "127.0.0.1:8000", "[::1]", "[::ffff:1.2.3.4]:80"}) {
    EXPECT_EQ(StatusOfGet("Host: " + std::string(host) + "\r\n"), 200) << host;
  }
  for (const std::string_view host :
       {"",       ":80",     "h:80:81", "h:123456", "h:8o",  "u@h",     "h/",
        "h?",     "h#",      "h h",     "a,b",      "[::1",  "::1",     "[]",
        "[::1]x", "[::1]:x", "[u@::1]", "h\\",      "\"h\"", "\xc3\xa4"}) {
    EXPECT_EQ(StatusOfGet("Host: " + std::string(host) + "\r\n"), 400) << host;
  }
}

TEST_F(RequestPlanTest, Http10MayLackHostButNotHaveABadOne) {
  EXPECT_TRUE(Plan("GET / HTTP/1.0", "").has_value());
  EXPECT_FALSE(Plan("GET / HTTP/1.0", "Host:\r\n").has_value());
  EXPECT_FALSE(Plan("GET / HTTP/1.0", "Host: a\r\nHost: a\r\n").has_value());
}

TEST_F(RequestPlanTest, ConnectionOptionsDecideWhetherItIsKept) {
  struct Row {
    std::string_view line, fields;
    bool keep_alive;
  };
  for (const Row& row : {
           Row{"GET / HTTP/1.1", "", true},
           Row{"GET / HTTP/1.1", "Connection: Close\r\n", false},
           Row{"GET / HTTP/1.1", "Connection: x, close\r\n", false},
           Row{"GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
           Row{"GET / HTTP/1.1", "X-Connection: close\r\n", true},
           Row{"GET / HTTP/1.0", "", false},
           Row{"GET / HTTP/1.0", "Connection: Keep-Alive\r\n", true},
           Row{"GET / HTTP/1.0", "Connection: keep-alive, close\r\n", false},
       }) {
    const auto plan = Plan(row.line, "Host: h\r\n" + std::string(row.fields));
    ASSERT_TRUE(plan.has_value()) << row.fields;
    EXPECT_EQ(plan->keep_alive, row.keep_alive) << row.line << row.fields;
  }
}

TEST_F(RequestPlanTest, FramesTheBody) {
  auto plan = Plan("PUT / HTTP/1.1", "Host: h\r\nContent-Length:  0042 \r\nContent-Type: t/s\r\n");
  ASSERT_TRUE(plan.has_value());
  EXPECT_EQ(plan->content_length, 42U);
  EXPECT_FALSE(plan->chunked);
  EXPECT_EQ(plan->content_type, "t/s");
  plan = Plan("PUT / HTTP/1.1", "Host: h\r\nTransfer-Encoding: \t CHUNKED \r\n");
  ASSERT_TRUE(plan.has_value());
  EXPECT_TRUE(plan->chunked);
  plan = Plan("PUT / HTTP/1.1", "Host: h\r\n");
  ASSERT_TRUE(plan.has_value());
  EXPECT_FALSE(plan->has_body());
}

TEST_F(RequestPlanTest, ABodyOverTheLimitIsRefusedFromItsLength) {
  policy_.body_limit_bytes = 10;
  EXPECT_EQ(StatusOfGet("Host: h\r\nContent-Length: 10\r\n"), 200);
  EXPECT_EQ(StatusOfGet("Host: h\r\nContent-Length: 11\r\n"), 413);
  EXPECT_EQ(StatusOfGet("Host: h\r\nContent-Length: 18446744073709551615\r\n"), 413);
}

TEST_F(RequestPlanTest, ExpectIsIgnoredInHttp10) {
  const auto plan = Plan("PUT / HTTP/1.0", "Expect: x\r\nContent-Length: 1\r\n");
  ASSERT_TRUE(plan.has_value());
  EXPECT_FALSE(plan->expects_continue);
}

TEST_F(RequestPlanTest, AnEmptyExpectIsUnknown) {
  EXPECT_EQ(StatusOfGet("Host: h\r\nExpect:\r\n"), 417);
}

TEST_F(RequestPlanTest, OnlyWhatIsLinkableMayBeLinkedToFromOtherSites) {
  policy_.rules_of = [](std::string_view path) {
    return PathRules{.linkable = path.starts_with("/-/")};
  };
  constexpr std::string_view kLink = "Host: h\r\nSec-Fetch-Site: cross-site\r\n";
  EXPECT_TRUE(Plan("GET /-/healthy HTTP/1.1", kLink).has_value());
  EXPECT_TRUE(Plan("HEAD /-/healthy HTTP/1.1", kLink).has_value());
  for (const std::string_view line :
       {"GET /a/b HTTP/1.1", "POST /-/reload HTTP/1.1", "OPTIONS * HTTP/1.1", "GET / HTTP/1.1"}) {
    const auto plan = Plan(line, kLink);
    ASSERT_FALSE(plan.has_value()) << line;
    EXPECT_EQ(plan.error().status, 403);
  }
}

TEST_F(RequestPlanTest, AnOriginIsOursOnlyWithOurHostAndPort) {
  for (const std::string_view origin : {"http://h:1", "https://H:1"}) {
    EXPECT_EQ(StatusOfGet("Host: h:1\r\nOrigin: " + std::string(origin) + "\r\n"), 200) << origin;
  }
  for (const std::string_view origin :
       {"", "null", "http://h", "http://h:11", "http://h:1/", "http://x.h:1", "ftp://h:1", "h:1",
        "http://", "http://h:1 http://evil"}) {
    EXPECT_EQ(StatusOfGet("Host: h:1\r\nOrigin: " + std::string(origin) + "\r\n"), 403) << origin;
  }
}

TEST_F(RequestPlanTest, AServerNameMatchesWithOrWithoutThePort) {
  policy_.server_names = {"a.example", "b:81", "[::1]"};
  for (const std::string_view host : {"a.example", "A.Example:1", "b:81", "[::1]:5", "[::1]"}) {
    EXPECT_EQ(StatusOfGet("Host: " + std::string(host) + "\r\n"), 200) << host;
  }
  for (const std::string_view host : {"b", "b:82", "x.a.example", "a.example.", "[::2]:5"}) {
    EXPECT_EQ(StatusOfGet("Host: " + std::string(host) + "\r\n"), 421) << host;
  }
}

TEST_F(RequestPlanTest, WhatIsForAnyHostIsServedUnderAnyName) {
  policy_.rules_of = [](std::string_view path) {
    return PathRules{.any_host = path == "/-/healthy" || path == "/-/ready"};
  };
  policy_.server_names = {"a.example"};
  policy_.root_path = "/eye";
  for (const std::string_view page : {"/-/healthy", "/-/ready"}) {
    EXPECT_TRUE(Plan("GET /eye" + std::string(page) + " HTTP/1.1", "Host: 10.0.0.1:80\r\n"));
    EXPECT_TRUE(Plan("HEAD /eye" + std::string(page) + "?x HTTP/1.0", ""));
  }
  for (const std::string_view path :
       {"/-/ready", "/eye/-/sd", "/eye/metrics", "/eye/-/reload", "/eye/a/b", "/eye/-/readyz",
        "/eye/-/ready/", "/eye//-/ready"}) {
    const auto plan = Plan("GET " + std::string(path) + " HTTP/1.1", "Host: 10.0.0.1:80\r\n");
    ASSERT_FALSE(plan) << path;
    EXPECT_EQ(plan.error().status, 421) << path;
  }
}

TEST_F(RequestPlanTest, RefusedMethodsSayWhichAreAllowed) {
  for (const std::string_view line : {"TRACE / HTTP/1.1", "CONNECT h:1 HTTP/1.1"}) {
    const auto plan = Plan(line, "Host: h\r\n");
    ASSERT_FALSE(plan.has_value());
    EXPECT_EQ(plan.error().status, 405);
    EXPECT_EQ(plan.error().allow, kAllMethods);
  }
}

TEST_F(RequestPlanTest, AMethodInLowerCaseIsToldSo) {
  for (const auto& [method, message] :
       {std::pair{"put", "method put: methods are upper case; expected PUT"},
        {"Get", "method Get: methods are upper case; expected GET"},
        {"et", "an unknown method"},
        {"BREW", "an unknown method"}}) {
    const RequestHead head{.method = method,
                           .target = "/a/e",
                           .version = 11,
                           .fields = {{boost::beast::http::field::host, "Host", "h"}}};
    const auto plan = PlanRequest(head, {});
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().status, 501);
    EXPECT_EQ(plan.error().message, message);
  }
}

}  // namespace
}  // namespace target_eye
