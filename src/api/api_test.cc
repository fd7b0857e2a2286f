#include "api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <utility>

#include "store/testing/fault_store.h"
#include "store/testing/memory_store.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

constexpr std::string_view kJson = "application/json";

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(registry_.Open().has_value());
    registry_.AddListener(lists_);
    registry_.Start();
  }
  void TearDown() override { registry_.Stop(); }

  HttpResponse Send(std::string_view method, std::string_view path,
                    std::string_view content_type = {}, std::string_view body = {}) {
    return SendTo(api_, method, path, content_type, body);
  }
  static HttpResponse SendTo(Api& api, std::string_view method, std::string_view path,
                             std::string_view content_type = {}, std::string_view body = {}) {
    std::promise<HttpResponse> promise;
    api.Handle({.method = method,
                .target = path,
                .path = path,
                .query = {},
                .content_type = content_type,
                .body = body,
                .peer = "127.0.0.1:1"},
               [&promise](HttpResponse response) { promise.set_value(std::move(response)); });
    return promise.get_future().get();
  }

  static std::string HeaderOf(const HttpResponse& response, std::string_view name) {
    for (const HttpHeader& header : response.headers) {
      if (header.name == name) {
        return header.value;
      }
    }
    return {};
  }

  MemoryStore memory_;
  FaultStore store_{memory_};
  Metrics metrics_;
  TargetRegistry registry_{store_, metrics_, SystemClock(), {}};
  std::string not_ready_;
  HttpSdPublisher lists_{{}, metrics_, SystemClock()};
  SdPage sd_page_{lists_, false};
  Api api_{registry_, metrics_, [this] { return not_ready_; }, {.sd = &sd_page_}};
};

TEST_F(ApiTest, AGroupIsPutReadAndDeleted) {
  constexpr std::string_view kGroup =
      "[{\"targets\":[\"h:1\"],\"labels\":{\"env\":\"e\",\"job\":\"a\"}}]\n";
  EXPECT_EQ(BodyOf(Send("GET", "/a/e")), "[]\n");
  const auto put = Send("PUT", "/a/e", kJson, R"({"targets":["h:1"]})");
  EXPECT_EQ(put.status, 200);
  EXPECT_EQ(BodyOf(put), kGroup);
  EXPECT_EQ(BodyOf(Send("GET", "/a/e")), kGroup);
  EXPECT_EQ(BodyOf(Send("HEAD", "/a/e")), kGroup);
  EXPECT_EQ(BodyOf(Send("DELETE", "/a/e")), kGroup);
  EXPECT_EQ(BodyOf(Send("GET", "/a/e")), "[]\n");
}

TEST_F(ApiTest, AGroupIsSentFromWhereItIsKept) {
  Send("PUT", "/a/e", kJson, R"({"targets":["h:1"]})");
  const auto first = Send("GET", "/a/e");
  EXPECT_EQ(first.shared_body.get(), &registry_.Find(GroupKeyView{"a", "e"})->text.list());
  const auto deleted = Send("DELETE", "/a/e");
  EXPECT_EQ(deleted.shared_body, first.shared_body);
  EXPECT_EQ(registry_.Find(GroupKeyView{"a", "e"}), nullptr);
  EXPECT_THAT(*first.shared_body, HasSubstr("h:1")) << "an answer outlives its group";
  EXPECT_EQ(Send("GET", "/a/e").shared_body, Send("GET", "/b/e").shared_body);
}

TEST_F(ApiTest, EveryErrorIsJsonWithAMessage) {
  struct Case {
    std::string_view method, path, type, body;
    int status;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"PUT", "/a/e", kJson, "{", 400},
           {"PUT", "/a/e", "", "targets=h", 400},
           {"PUT", "/a/e", "text/plain", "h", 400},
           {"DELETE", "/a/e", "", "", 400},
           {"GET", "/a", "", "", 404},
           {"GET", "/", "", "", 404},
           {"GET", "/a/b/c", "", "", 404},
           {"GET", "/a/b/", "", "", 404},
           {"GET", "//b", "", "", 404},
           {"GET", "/a/%00", "", "", 400},
           {"GET", "/-/nothing", "", "", 400},
           {"PUT", "/-/e", kJson, R"({"targets":["h"]})", 400},
           {"PATCH", "/a/e", "", "", 405},
           {"PUT", "/metrics", "", "", 405},
           {"POST", "/-/healthy", "", "", 405},
           {"POST", "/-/sd", "", "", 405},
           {"PUT", "/-/sd", kJson, R"({"targets":["h"]})", 405},
           {"GET", "/-/reload", "", "", 405},
           {"POST", "/-/reload", "", "", 403},
       }) {
    SCOPED_TRACE(testing::Message() << c.method << " " << c.path << " " << c.body);
    const auto response = Send(c.method, c.path, c.type, c.body);
    EXPECT_EQ(response.status, c.status);
    EXPECT_EQ(response.content_type, kJson);
    EXPECT_THAT(response.body, testing::StartsWith("{\"message\":\""));
    EXPECT_EQ(HeaderOf(response, "Allow").empty(), c.status != 405);
  }
}

TEST_F(ApiTest, APathThatIsNothingIsToldWhatThereIs) {
  const std::string pages = "/metrics, /-/healthy, /-/ready, /-/sd, /-/reload";
  const struct {
    std::string_view path;
    std::string message;
    int status;
  } rows[] = {
      {"/",
       "this is target-eye, a registry of Prometheus scrape targets: expected "
       "/<application>/<environment>, or one of its pages: " +
           pages,
       404},
      {"/web", "expected /<application>/<environment>, or one of the service's own pages: " + pages,
       404},
      {"/web/prod/", "expected /<application>/<environment>, without the slash at the end\"", 404},
      {"/metrics/", "path \\\"/metrics/\\\": expected /metrics, without the slash at the end", 404},
      {"/-/ready/", "path \\\"/-/ready/\\\": expected /-/ready, without the slash at the end", 404},
      {"/-/sd/", "expected /-/sd, without the slash at the end", 404},
      {"/-/typo", "expected one of the service's own pages: " + pages, 400},
      {"/-/", "expected one of the service's own pages: " + pages, 404},
  };
  for (const auto& row : rows) {
    for (const std::string_view method : {"GET", "PUT", "DELETE"}) {
      const auto response = Send(method, row.path);
      EXPECT_EQ(response.status, row.status) << row.path;
      EXPECT_THAT(response.body, HasSubstr(row.message)) << row.path;
    }
  }
}

TEST_F(ApiTest, OptionsAnswersWithWhatIsAllowed) {
  EXPECT_EQ(HeaderOf(Send("OPTIONS", "/a/e"), "Allow"), "GET, HEAD, PUT, POST, DELETE, OPTIONS");
  EXPECT_EQ(HeaderOf(Send("OPTIONS", "/-/ready"), "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(HeaderOf(Send("OPTIONS", "/-/sd"), "Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(HeaderOf(Send("OPTIONS", "/-/reload"), "Allow"), "POST, OPTIONS");
}

TEST_F(ApiTest, AChangeIsKeptWithWhoAskedForItAndFromWhere) {
  struct Case {
    std::string_view path, environment, caller, changed_by;
  };
  for (const Case& c : {Case{"/a/e", "e", "", "127.0.0.1:1"},
                        Case{"/a/f", "f", "user:alice", "user:alice@127.0.0.1:1"}}) {
    std::promise<HttpResponse> promise;
    api_.Handle({.method = "PUT",
                 .target = c.path,
                 .path = c.path,
                 .query = {},
                 .content_type = kJson,
                 .body = R"({"targets":["h:1"]})",
                 .peer = "127.0.0.1:1",
                 .caller = c.caller},
                [&promise](HttpResponse response) { promise.set_value(std::move(response)); });
    EXPECT_EQ(promise.get_future().get().status, 200);
    EXPECT_EQ(registry_.Find(GroupKeyView{"a", c.environment})->origin.who, c.changed_by);
  }
}

TEST_F(ApiTest, AStoreThatCannotWriteIs503WithRetryAfter) {
  store_.FailCommits(1, ErrorCode::kUnavailable);
  const auto response = Send("PUT", "/a/e", kJson, R"({"targets":["h:1"]})");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(HeaderOf(response, "Retry-After"), "1");
  EXPECT_EQ(BodyOf(Send("GET", "/a/e")), "[]\n");
}

TEST_F(ApiTest, ReadySaysWhyItIsNot) {
  EXPECT_EQ(Send("GET", "/-/ready").status, 200);
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("\ntarget_eye_ready 1\n"));
  not_ready_ = "nothing is published yet";
  const auto response = Send("GET", "/-/ready");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("nothing is published yet"));
  EXPECT_EQ(Send("GET", "/-/healthy").status, 200);
  EXPECT_THAT(Send("GET", "/metrics").body, HasSubstr("\ntarget_eye_ready 0\n"));
}

TEST_F(ApiTest, MetricsAreInPrometheusTextFormat) {
  Send("PUT", "/a/e", kJson, R"({"targets":["h:1","h:2"]})");
  const auto response = Send("GET", "/metrics");
  EXPECT_THAT(std::string(response.content_type), HasSubstr("version=0.0.4"));
  EXPECT_THAT(response.body, HasSubstr("\ntarget_eye_targets 2\n"));
}

TEST_F(ApiTest, TheListOfGroupsShowsAChangeThatWasAnswered) {
  EXPECT_EQ(*Send("GET", "/-/sd").shared_body, "[]\n");
  for (const std::string target : {"h:1", "h:2", "h:3"}) {
    Send("PUT", "/a/e", kJson, R"({"targets":[")" + target + "\"]}");
    const auto list = Send("GET", "/-/sd");
    EXPECT_EQ(list.handler, "sd");
    EXPECT_THAT(*list.shared_body, HasSubstr(target));
    EXPECT_EQ(Send("HEAD", "/-/sd").shared_body, list.shared_body);
  }
}

TEST_F(ApiTest, AServiceWithoutTheListHasNoSuchPage) {
  Api api(registry_, metrics_, [] { return ""; });
  EXPECT_EQ(SendTo(api, "GET", "/-/sd").status, 400);
}

TEST_F(ApiTest, AReloadThatIsOffNamesTheSetting) {
  EXPECT_THAT(Send("POST", "/-/reload").body, HasSubstr("ENABLE_RELOAD (--web.enable-lifecycle)"));
}

TEST_F(ApiTest, AReloadIsAnsweredWhenItIsDone) {
  std::move_only_function<void(std::string)> done;
  Api api(registry_, metrics_, [] { return ""; },
          {.reload = [&](auto when_done) { done = std::move(when_done); }});
  for (const auto& [error, status] :
       {std::pair<std::string, int>{"", 200}, {"no such file", 500}}) {
    std::optional<HttpResponse> response;
    api.Handle({.method = "POST",
                .target = "/-/reload",
                .path = "/-/reload",
                .query = {},
                .content_type = {},
                .body = {},
                .peer = "127.0.0.1:1"},
               [&](HttpResponse answer) { response = std::move(answer); });
    EXPECT_FALSE(response);
    done(error);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, status);
    EXPECT_EQ(response->handler, "reload");
    EXPECT_THAT(response->body, HasSubstr(error.empty() ? "reloaded" : error));
  }
}

}  // namespace
}  // namespace target_eye
