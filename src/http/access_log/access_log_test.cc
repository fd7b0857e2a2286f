#include "http/access_log/access_log.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

std::string Format(std::string_view format, const AccessRecord& record) {
  const auto compiled = AccessLogFormat::Compile(format);
  EXPECT_TRUE(compiled.has_value()) << format;
  std::string line;
  if (compiled) compiled->Append(record, line);
  EXPECT_TRUE(line.ends_with('\n'));
  line.pop_back();
  return line;
}

class AccessLogFormatTest : public testing::Test {
 protected:
  const std::vector<RequestField> fields_ = {
      {boost::beast::http::field::unknown, "user-agent", "curl/8"},
      {boost::beast::http::field::unknown, "Referer", "http://r/"},
      {boost::beast::http::field::unknown, "X-Id", "7"}};
  const AccessRecord record_{
      .peer = "127.0.0.1:4711",
      .method = "GET",
      .target = "/a/b?c=d",
      .version = "1.1",
      .caller = "user:alice",
      .request_fields = fields_,
      .status = 404,
      .body_bytes = 123,
      .response_head = "HTTP/1.1 404 Not Found\r\nDate: now\r\nX-Y: z\r\n\r\n",
      .took = std::chrono::microseconds(1'234'567),
      .time = WallTime(std::chrono::seconds(1'795'342'617))};
};

TEST_F(AccessLogFormatTest, EveryAtomIsFilledIn) {
  struct Row {
    std::string_view format, text;
  };
  for (const Row& row : {
           Row{"%(h)s", "127.0.0.1:4711"},
           Row{"%(l)s", "-"},
           Row{"%(u)s", "user:alice"},
           Row{"%(r)s", "GET /a/b 1.1"},
           Row{"%(R)s", "GET /a/b?c=d 1.1"},
           Row{"%(s)s", "404"},
           Row{"%(st)s", "Not Found"},
           Row{"%(S)s", "http"},
           Row{"%(m)s", "GET"},
           Row{"%(U)s", "/a/b"},
           Row{"%(Uq)s", "/a/b?c=d"},
           Row{"%(q)s", "c=d"},
           Row{"%(H)s", "1.1"},
           Row{"%(b)s", "123"},
           Row{"%(B)s", "123"},
           Row{"%(f)s", "http://r/"},
           Row{"%(a)s", "curl/8"},
           Row{"%(T)s", "1"},
           Row{"%(D)s", "1234567"},
           Row{"%(L)s", "1.234567"},
           Row{"%({x-id}i)s", "7"},
           Row{"%({x-y}o)s", "z"},
           Row{"%({None}i)s", "-"},
           Row{"%({None}o)s", "-"},
           Row{"%({TARGET_EYE_NO_SUCH_VARIABLE}e)s", "-"},
           Row{"100%% [%(s)s]", "100% [404]"},
       }) {
    EXPECT_EQ(Format(row.format, record_), row.text) << row.format;
  }
  EXPECT_EQ(Format("%(p)s", record_), std::to_string(::getpid()));
  ASSERT_EQ(::setenv("TARGET_EYE_ACCESS_LOG_TEST", "a\"b", 1), 0);
  EXPECT_EQ(Format("%({TARGET_EYE_ACCESS_LOG_TEST}e)s", record_), "a\\x22b");
  EXPECT_THAT(Format("%(t)s", record_),
              MatchesRegex(R"(\[2[12]/Nov/2026:[0-9]+:[0-9]+:57 [+-][0-9]+\])"));
}

TEST_F(AccessLogFormatTest, AnEmptyFormatIsTheDefault) {
  EXPECT_THAT(Format("", record_),
              MatchesRegex(R"re(127\.0\.0\.1:4711 - - \[.*\] "GET /a/b 1\.1" 404 123 )re"
                           R"re("http://r/" "curl/8")re"));
}

TEST_F(AccessLogFormatTest, WhatAClientSentIsEscaped) {
  const std::vector<RequestField> fields = {
      {boost::beast::http::field::unknown, "User-Agent", "\"\\\t\x1b\x7f\xc3\xa4~"}};
  AccessRecord record = record_;
  record.request_fields = fields;
  record.method = "G\nT";
  record.target = "/\r\n?\"";
  record.caller = "certificate:CN=\"\n";
  EXPECT_EQ(Format("%(a)s", record), R"(\x22\x5C\x09\x1B\x7F\xC3\xA4~)");
  EXPECT_EQ(Format("%(u)s", record), R"(certificate:CN=\x22\x0A)");
  EXPECT_EQ(Format("%(R)s", record), R"(G\x0AT /\x0D\x0A?\x22 1.1)");
}

TEST_F(AccessLogFormatTest, ALineCanHaveTheFormOfTheLog) {
  AccessRecord record = record_;
  const std::vector<RequestField> fields = {{.name = "User-Agent", .value = "a\"b\n"}};
  record.request_fields = fields;
  record.peer = "1.2.3.4:5";
  record.method = "GET";
  record.target = "/a/e?x";
  record.version = "2";
  record.scheme = "https";
  record.request_id = "id-1";
  record.status = 404;
  record.body_bytes = 12;
  record.took = std::chrono::microseconds(1500);
  record.time = WallTime(std::chrono::milliseconds(1'700'000'000'007));
  EXPECT_EQ(
      Format("json", record),
      R"({"ts":"2023-11-14T22:13:20.007Z","level":"info","msg":"request",)"
      R"("peer":"1.2.3.4:5","caller":"user:alice","method":"GET","target":"/a/e?x",)"
      R"("version":"2","scheme":"https","status":404,"bytes":12,"microseconds":1500,"referer":"",)"
      R"("user_agent":"a\"b\u000a","request_id":"id-1"})");
  EXPECT_EQ(
      Format("logfmt", record),
      R"(ts=2023-11-14T22:13:20.007Z level=info msg="request" peer=1.2.3.4:5 caller=user:alice )"
      R"(method=GET target=/a/e?x version=2 scheme=https status=404 bytes=12 microseconds=1500 )"
      R"(referer="" user_agent="a\"b\n" request_id=id-1)");
}

TEST_F(AccessLogFormatTest, SecretsAreNeverWritten) {
  AccessRecord record = record_;
  const std::vector<RequestField> fields = {{.name = "Authorization", .value = "Basic c2VjcmV0"},
                                            {.name = "Cookie", .value = "session=1"}};
  record.request_fields = fields;
  EXPECT_EQ(Format("%({authorization}i)s %({Cookie}i)s %({Proxy-Authorization}i)s "
                   "%({KEYFILE_PASSWORD}e)s",
                   record),
            "<secret> <secret> <secret> <secret>");
}

TEST_F(AccessLogFormatTest, WhatIsNotKnownIsADash) {
  EXPECT_EQ(Format("%(h)s %(u)s %(r)s %(q)s %(f)s", {}), "- - - - - - -");
}

TEST_F(AccessLogFormatTest, UnknownAtomsAndLonePercentSignsAreRefused) {
  for (const std::string_view format : {"%(x)s", "%(hh)s", "%()s", "%({}i)s", "%({X}z)s", "%({Xi)s",
                                        "%", "50% off", "%(h)", "%h"}) {
    const auto compiled = AccessLogFormat::Compile(format);
    ASSERT_FALSE(compiled.has_value()) << format;
    EXPECT_EQ(compiled.error().code, ErrorCode::kInvalid);
  }
  EXPECT_THAT(AccessLogFormat::Compile("%(nope)s").error().message, HasSubstr("\"nope\""));
}

std::string Contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AccessLogTest, LinesGoToTheFileThatHasTheName) {
  const TempDirectory directory;
  const std::string path = directory / "access.log";
  const std::string moved = path + ".1";
  {
    auto log = AccessLog::Open(path, *AccessLogFormat::Compile("%(m)s"));
    ASSERT_TRUE(log.has_value());
    AccessRecord record;
    record.method = "ONE";
    (*log)->Write(record);
    while (Contents(path) != "ONE\n") std::this_thread::yield();
    std::filesystem::rename(path, moved);
    (*log)->Reopen();
    while (!std::filesystem::exists(path)) std::this_thread::yield();
    record.method = "TWO";
    (*log)->Write(record);
  }
  EXPECT_EQ(Contents(moved), "ONE\n");
  EXPECT_EQ(Contents(path), "TWO\n");
}

TEST(AccessLogTest, AFileThatCannotBeOpenedIsAnError) {
  const auto log = AccessLog::Open("/no/such/folder/access.log", *AccessLogFormat::Compile(""));
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().code, ErrorCode::kIo);
  EXPECT_THAT(log.error().message, HasSubstr("\"/no/such/folder/access.log\""));
}

}  // namespace
}  // namespace target_eye
