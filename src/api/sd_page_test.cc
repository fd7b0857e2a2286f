#include "api/sd_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <future>
#include <map>
#include <optional>
#include <string>

#include "util/clock.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ChooseCodingTest, GzipIsForThoseWhoAskForItByName) {
  for (const std::string_view plain :
       {"", "identity", "deflate, br", "*", "gzip;q=0", "gzip;q=0.000", "gzip;q=0.5, identity",
        "gzip;q=0.5, identity;q=0.501", "gzip;q=0, *", "gzip; q=2", "gzip;q=", "gzip;q=1.001",
        "gzip;q=0.0001", "gzip;q=-1", "gzip;level=9", "gzipped", ",,;q=1", "*;q=0, identity"}) {
    EXPECT_EQ(ChooseCoding(plain), SdCoding::kPlain) << plain;
  }
  for (const std::string_view gzip :
       {"gzip", "GZip", "x-gzip", "deflate, gzip", "gzip;q=1", "gzip;q=1.000", "gzip ; Q=0.001",
        "gzip;q=0.5, identity;q=0.5", "gzip, *;q=0", "br;q=1.0, gzip;q=0.8, *;q=0.1",
        "identity;q=0, *", "identity;q=0, gzip;q=0.1", ",\tgzip ,"}) {
    EXPECT_EQ(ChooseCoding(gzip), SdCoding::kGzip) << gzip;
  }
}

TEST(ChooseCodingTest, WhoTakesNeitherGetsNeither) {
  for (const std::string_view neither :
       {"*;q=0", "identity;q=0", "identity;q=0, br", "br, *;q=0", "identity;q=0, gzip;q=0"}) {
    EXPECT_EQ(ChooseCoding(neither), SdCoding::kNeither) << neither;
  }
}

TEST(NamesEtagTest, AListNamesWhatItHolds) {
  for (const std::string_view value : {"*", " * ", "\"a\"", "W/\"a\"", "\"b\", \"a\"",
                                       "\"b\",W/\"a\",\"c\"", ", ,\"a\"", "\"b,\\\",\"a\""}) {
    EXPECT_TRUE(NamesEtag(value, "\"a\"")) << value;
  }
  for (const std::string_view value : {"", "a", "\"b\"", "\"A\"", "\"a", "w/\"a\"", "\"b\", a",
                                       "x, \"a\"", "\"*\"", "\"b,\"a\"", "W/", "\"b\", *"}) {
    EXPECT_FALSE(NamesEtag(value, "\"a\"")) << value;
  }
}

StoredGroupPtr Stored(const GroupKey& key, const std::string& target) {
  const TargetGroup group{{Target::FromStored(target)},
                          {{"env", key.environment}, {"job", key.application}}};
  return MakeStoredGroup(key, GroupText(group), 0, {});
}

std::string Gunzip(std::string_view zipped) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string input(zipped);
  std::string text(1 << 20, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<unsigned char*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

class SdPageTest : public testing::Test {
 protected:
  SdPageTest() {
    lists_.OnSnapshot({1, {Stored({"db", "prod"}, "d:1"), Stored({"web", "prod"}, "w:1")}});
  }

  HttpResponse Get(std::string_view query, std::string_view accept_encoding = {},
                   std::string_view if_none_match = {}) {
    return GetFrom(page_, query, accept_encoding, if_none_match);
  }
  static HttpResponse GetFrom(const SdPage& page, std::string_view query,
                              std::string_view accept_encoding = {},
                              std::string_view if_none_match = {}) {
    std::promise<HttpResponse> promise;
    page.Handle({.method = "GET",
                 .target = "/-/sd",
                 .path = "/-/sd",
                 .query = query,
                 .content_type = {},
                 .accept_encoding = accept_encoding,
                 .if_none_match = if_none_match,
                 .body = {},
                 .peer = "127.0.0.1:1"},
                [&promise](HttpResponse response) { promise.set_value(std::move(response)); });
    return promise.get_future().get();
  }

  static std::map<std::string, std::string> HeadersOf(const HttpResponse& response) {
    std::map<std::string, std::string> headers;
    for (const HttpHeader& header : response.headers) {
      EXPECT_TRUE(headers.emplace(header.name, header.value).second) << header.name;
    }
    return headers;
  }

  Metrics metrics_;
  HttpSdPublisher lists_{{}, metrics_, SystemClock()};
  SdPage page_{lists_, false};
};

TEST_F(SdPageTest, AllGroupsAreOneListWithItsEtag) {
  const auto response = Get("");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, "application/json");
  ASSERT_TRUE(response.shared_body);
  EXPECT_EQ(*response.shared_body,
            "[\n{\"targets\":[\"d:1\"],\"labels\":{\"env\":\"prod\",\"job\":\"db\"}},\n"
            "{\"targets\":[\"w:1\"],\"labels\":{\"env\":\"prod\",\"job\":\"web\"}}\n]\n");
  const auto headers = HeadersOf(response);
  EXPECT_THAT(headers.at("ETag"), testing::MatchesRegex("\"[0-9a-f]{32}\""));
  EXPECT_EQ(headers.at("Vary"), "Accept-Encoding");
  EXPECT_EQ(headers.at("Cache-Control"), "no-cache");
  EXPECT_FALSE(headers.contains("Content-Encoding"));
}

TEST_F(SdPageTest, WhoHasItIsToldSoWithoutIt) {
  const std::string etag = HeadersOf(Get("")).at("ETag");
  const auto response = Get("", {}, "\"other\", W/" + etag);
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(response.body, "");
  EXPECT_FALSE(response.shared_body);
  const auto headers = HeadersOf(response);
  EXPECT_EQ(headers.at("ETag"), etag);
  EXPECT_EQ(headers.at("Vary"), "Accept-Encoding");
  EXPECT_EQ(headers.at("Cache-Control"), "no-cache");
  EXPECT_EQ(Get("application=web", {}, etag).status, 200);
  lists_.OnChanges(2, std::array{Change{{"db", "prod"}, 2, nullptr}}, nullptr);
  EXPECT_EQ(Get("", {}, etag).status, 200);
}

TEST_F(SdPageTest, TheCompressedFormIsTheSameListWithAnEtagOfItsOwn) {
  const auto plain = Get("");
  const auto zipped = Get("", "gzip");
  EXPECT_EQ(zipped.status, 200);
  EXPECT_EQ(zipped.content_type, "application/json");
  auto headers = HeadersOf(zipped);
  EXPECT_EQ(headers.at("Content-Encoding"), "gzip");
  EXPECT_EQ(headers.at("Vary"), "Accept-Encoding");
  EXPECT_EQ(Gunzip(*zipped.shared_body), *plain.shared_body);
  EXPECT_NE(headers.at("ETag"), HeadersOf(plain).at("ETag"));
  EXPECT_EQ(Get("", "gzip", headers.at("ETag")).status, 304);
  EXPECT_EQ(Get("", "", headers.at("ETag")).status, 200);
}

TEST_F(SdPageTest, TheQuerySelects) {
  EXPECT_THAT(*Get("application=w*").shared_body, Not(HasSubstr("d:1")));
  EXPECT_THAT(*Get("label.job!=web").shared_body, Not(HasSubstr("w:1")));
  EXPECT_EQ(*Get("application=none").shared_body, "[]\n");
}

TEST_F(SdPageTest, AQueryThatIsProbablyMeantOtherwiseIsWarnedOf) {
  constexpr const char* kWarning = "X-Target-Eye-Warning";
  EXPECT_EQ(HeadersOf(Get("application=none")).at(kWarning),
            "the query selects none of 2 groups; values are globs, such as web-*");
  EXPECT_EQ(HeadersOf(Get("environment==prod")).at(kWarning),
            "the query selects none of 2 groups; values are globs, such as web-*; "
            "\"environment==prod\": it has one = too many");
  EXPECT_THAT(HeadersOf(Get("label.job!='web'", "gzip")).at(kWarning),
              testing::StartsWith("\"label.job!='web'\": quotes are a part"));
  EXPECT_EQ(
      HeadersOf(Get("application='%C3%A9%0A'"))
          .at(kWarning)
          .find_first_not_of(" !\"#$%&'()*+,-./0123456789:;=?ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
                             "abcdefghijklmnopqrstuvwxyz{|}~"),
      std::string::npos);
  for (const std::string_view query : {"", "meta=true", "application=w*", "label.job!=none"}) {
    EXPECT_FALSE(HeadersOf(Get(query)).contains(kWarning)) << query;
  }
  lists_.OnSnapshot({2, {}});
  EXPECT_FALSE(HeadersOf(Get("application=none")).contains(kWarning));
}

TEST_F(SdPageTest, AShareOfTheListIsForItsCallerAlone) {
  const auto visible =
      std::make_shared<const GroupSet>(std::vector<GroupSet::Rule>{{{"web"}, {"*"}}});
  const auto get = [&](std::string_view query) {
    std::promise<HttpResponse> promise;
    page_.Handle({.method = "GET",
                  .target = "/-/sd",
                  .path = "/-/sd",
                  .query = query,
                  .content_type = {},
                  .body = {},
                  .peer = "127.0.0.1:1",
                  .listed_groups = visible},
                 [&promise](HttpResponse response) { promise.set_value(std::move(response)); });
    return promise.get_future().get();
  };
  EXPECT_EQ(*get("").shared_body, *Get("application=web").shared_body);
  EXPECT_EQ(HeadersOf(get("")).at("Cache-Control"), "private, no-cache");
  EXPECT_EQ(*get("application=db").shared_body, "[]\n");
  // It is told of what it may see, and not of more.
  EXPECT_THAT(HeadersOf(get("application=db")).at("X-Target-Eye-Warning"),
              HasSubstr("none of 1 groups"));
}

TEST_F(SdPageTest, MetaLabelsAreAskedForOrAreTheDefault) {
  constexpr std::string_view kMeta = "__meta_target_eye_application";
  EXPECT_THAT(*Get("").shared_body, Not(HasSubstr(kMeta)));
  EXPECT_THAT(*Get("meta=true").shared_body, HasSubstr(kMeta));
  const SdPage with_meta(lists_, true);
  EXPECT_THAT(*GetFrom(with_meta, "").shared_body, HasSubstr(kMeta));
  EXPECT_THAT(*GetFrom(with_meta, "meta=false").shared_body, Not(HasSubstr(kMeta)));
}

TEST_F(SdPageTest, AMisspeltParameterIs400) {
  const auto response = Get("aplication=web");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("query parameter \\\"aplication\\\""));
}

TEST_F(SdPageTest, WhoTakesNeitherFormGets406) {
  const auto response = Get("", "identity;q=0");
  EXPECT_EQ(response.status, 406);
  EXPECT_THAT(response.body, HasSubstr("Accept-Encoding"));
}

TEST_F(SdPageTest, BeforeTheStateIsLoadedItIs503AndNoEmptyList) {
  HttpSdPublisher lists({}, metrics_, SystemClock());
  const auto response = GetFrom(SdPage(lists, false), "");
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("{\"message\":"));
  EXPECT_EQ(HeadersOf(response).at("Retry-After"), "1");
}

}  // namespace
}  // namespace target_eye
