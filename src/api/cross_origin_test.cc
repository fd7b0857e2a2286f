#include "api/cross_origin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace target_eye {
namespace {

using testing::IsEmpty;

class Page : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, Respond respond) override {
    ++asked;
    HttpResponse response{.body = std::string(request.path), .headers = {}, .handler = "page"};
    if (varies) response.headers.push_back({"Vary", "Accept-Encoding"});
    respond(std::move(response));
  }
  int asked = 0;
  bool varies = false;
};

class CrossOriginTest : public testing::Test {
 protected:
  HttpResponse Send(std::string_view method, std::string_view origin) {
    HttpResponse answer;
    cross_origin_.Handle({.method = method,
                          .target = "/a/e",
                          .path = "/a/e",
                          .query = {},
                          .content_type = {},
                          .allowed_origin = origin,
                          .body = {},
                          .peer = "127.0.0.1:1"},
                         [&answer](HttpResponse response) { answer = std::move(response); });
    return answer;
  }
  static std::string HeaderOf(const HttpResponse& response, std::string_view name) {
    for (const HttpHeader& header : response.headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }

  Page page_;
  CrossOrigin cross_origin_{page_};
};

TEST_F(CrossOriginTest, ARequestWithoutAnOriginIsPassedOnAsItIs) {
  const HttpResponse response = Send("GET", "");
  EXPECT_EQ(response.body, "/a/e");
  EXPECT_THAT(response.headers, IsEmpty());
}

TEST_F(CrossOriginTest, TheAnswerToAListedOriginMayBeShownToItsPages) {
  const HttpResponse response = Send("PUT", "https://console.example");
  EXPECT_EQ(response.body, "/a/e");
  EXPECT_EQ(HeaderOf(response, "Access-Control-Allow-Origin"), "https://console.example");
  EXPECT_EQ(HeaderOf(response, "Vary"), "Origin");
}

TEST_F(CrossOriginTest, CachesAreToldOnceWhatAnAnswerDependsOn) {
  page_.varies = true;
  EXPECT_EQ(HeaderOf(Send("GET", "https://console.example"), "Vary"), "Accept-Encoding, Origin");
}

TEST_F(CrossOriginTest, TheQuestionBeforeARequestIsAnsweredWithoutThePage) {
  const HttpResponse response = Send("OPTIONS", "https://console.example");
  EXPECT_EQ(page_.asked, 0);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(HeaderOf(response, "Access-Control-Allow-Methods"), "GET, HEAD, PUT, POST, DELETE");
  EXPECT_EQ(HeaderOf(response, "Access-Control-Allow-Origin"), "https://console.example");
}

TEST_F(CrossOriginTest, OptionsOfOthersArePassedOn) {
  EXPECT_EQ(Send("OPTIONS", "").status, 200);
  EXPECT_EQ(page_.asked, 1);
}

}  // namespace
}  // namespace target_eye
