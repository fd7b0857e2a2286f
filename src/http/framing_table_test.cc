// Every kind of bad input, sent over a socket: whole, byte by byte, and with a good request behind
// it, which must never be carried out.

#include <gmock/gmock.h>

#include "http/http_testing.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

struct BadInput {
  std::string name;
  int status;
  std::string bytes;
};

// A GET with `fields` after its Host.
std::string Get(std::string_view fields) {
  return "GET /a/b HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}
std::string Put(std::string_view fields, std::string_view body) {
  return "PUT /a/b HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" + std::string(body);
}
std::string Chunked(std::string_view body) { return Put("Transfer-Encoding: chunked\r\n", body); }
std::string Line(std::string_view line) { return std::string(line) + "\r\nHost: h\r\n\r\n"; }

std::string ManyFields(int count) {
  std::string fields;
  for (int i = 0; i < count; ++i) fields += "A: b\r\n";
  return fields;
}

std::vector<BadInput> AllBadInput() {
  using namespace std::string_literals;
  return {
      {"TwoContentLengths", 400, Put("Content-Length: 2\r\nContent-Length: 3\r\n", "abc")},
      {"TwoEqualContentLengths", 400, Put("Content-Length: 2\r\nContent-Length: 2\r\n", "ab")},
      {"ContentLengthList", 400, Put("Content-Length: 2, 2\r\n", "ab")},
      {"SignedContentLength", 400, Put("Content-Length: +2\r\n", "ab")},
      {"NegativeContentLength", 400, Put("Content-Length: -2\r\n", "ab")},
      {"HexContentLength", 400, Put("Content-Length: 0x2\r\n", "ab")},
      {"UnderscoreContentLength", 400, Put("Content-Length: 1_0\r\n", "0123456789")},
      {"EmptyContentLength", 400, Put("Content-Length:\r\n", "")},
      {"ContentLengthWithSpace", 400, Put("Content-Length: 1 0\r\n", "0123456789")},
      {"ChunkedAfterContentLength", 400,
       Put("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"ContentLengthAfterChunked", 400,
       Put("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")},
      {"GzipWithContentLength", 400, Put("Content-Length: 2\r\nTransfer-Encoding: gzip\r\n", "ab")},
      {"GzipCoding", 400, Put("Transfer-Encoding: gzip\r\n", "")},
      {"GzipThenChunked", 400, Put("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
      {"ChunkedTwice", 400, Put("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")},
      {"ChunkedInTwoFields", 400,
       Put("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
      {"ChunkedThenIdentity", 400, Put("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")},
      {"IdentityCoding", 400, Put("Transfer-Encoding: identity\r\n", "")},
      {"EmptyCoding", 400, Put("Transfer-Encoding:\r\n", "")},
      {"QuotedChunked", 400, Put("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")},
      {"UnknownCoding", 501, Put("Transfer-Encoding: xchunked\r\n", "")},
      {"ChunkedInHttp10", 400,
       "PUT /a/b HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"FoldedField", 400, Get("A: b\r\n c\r\n")},
      {"FoldedFramingField", 400, Put("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")},
      {"FoldAfterRequestLine", 400, "GET /a/b HTTP/1.1\r\n Host: h\r\n\r\n"},
      {"BareCr", 400, Get("A: b\rC: d\r\n")},
      {"BareLf", 400, Get("A: b\nC: d\r\n")},
      {"BareLfInRequestLine", 400, "GET /a/b HTTP/1.1\nHost: h\n\n"},
      {"CrCrLf", 400, Get("A: b\r\r\n")},
      {"NulInValue", 400, Get("A: b\0c\r\n"s)},
      {"NulInName", 400, Get("A\0: b\r\n"s)},
      {"EscapeInValue", 400, Get("A: \x1b[31m\r\n")},
      {"SpaceBeforeColon", 400, Get("A : b\r\n")},
      {"TabBeforeColon", 400, Get("A\t: b\r\n")},
      {"EmptyFieldName", 400, Get(": b\r\n")},
      {"EightBitFieldName", 400, Get("\xc3\xa4: b\r\n")},
      {"NoColon", 400, Get("A\r\n")},
      {"Trailer", 400, Chunked("1\r\nx\r\n0\r\nA: b\r\n\r\n")},
      {"FramingTrailer", 400, Chunked("0\r\nContent-Length: 5\r\n\r\n")},
      {"LongChunkLine", 400, Chunked("1;a=" + std::string(256, 'x') + "\r\nx\r\n0\r\n\r\n")},
      {"LongChunkSize", 400, Chunked(std::string(40, '0') + "1\r\nx\r\n0\r\n\r\n")},
      {"BadChunkExtension", 400, Chunked("1;=b\r\nx\r\n0\r\n\r\n")},
      {"ControlByteInChunkExtension", 400, Chunked("1;a=\"\x01\"\r\nx\r\n0\r\n\r\n")},
      {"UnendedQuoteInChunkExtension", 400, Chunked("1;a=\"b\r\nx\r\n0\r\n\r\n")},
      {"BadChunkExtensionAtTheEnd", 400, Chunked("0;;\r\n\r\n")},
      {"SignedChunkSize", 400, Chunked("+1\r\nx\r\n0\r\n\r\n")},
      {"PrefixedChunkSize", 400, Chunked("0x1\r\nx\r\n0\r\n\r\n")},
      {"EmptyChunkSize", 400, Chunked("\r\nx\r\n0\r\n\r\n")},
      {"ChunkLineWithBareLf", 400, Chunked("1\nx\r\n0\r\n\r\n")},
      {"ChunkLongerThanItsSize", 400, Chunked("1\r\nxy\r\n0\r\n\r\n")},
      {"OverflowingChunkSize", 413, Chunked("ffffffffffffffff\r\n")},
      {"NoHost", 400, "GET /a/b HTTP/1.1\r\n\r\n"},
      {"TwoHosts", 400, Get("Host: h\r\n")},
      {"EmptyHost", 400, "GET /a/b HTTP/1.1\r\nHost:\r\n\r\n"},
      {"HostWithUserinfo", 400, "GET /a/b HTTP/1.1\r\nHost: u@h\r\n\r\n"},
      {"HostWithPath", 400, "GET /a/b HTTP/1.1\r\nHost: h/p\r\n\r\n"},
      {"HostWithBadPort", 400, "GET /a/b HTTP/1.1\r\nHost: h:x\r\n\r\n"},
      {"HostList", 400, "GET /a/b HTTP/1.1\r\nHost: a,b\r\n\r\n"},
      {"ForeignOrigin", 403, Put("Origin: http://evil\r\nContent-Length: 1\r\n", "x")},
      {"NullOrigin", 403, Put("Origin: null\r\nContent-Length: 1\r\n", "x")},
      {"OriginThatBeginsLikeOurs", 403, Get("Origin: http://h.evil\r\n")},
      {"SecondOriginForeign", 403, Get("Origin: http://h\r\nOrigin: http://evil\r\n")},
      {"CrossSite", 403, Get("Sec-Fetch-Site: cross-site\r\n")},
      {"SameSite", 403, Get("Sec-Fetch-Site: same-site\r\n")},
      {"AbsoluteFormForAnotherHost", 400, "GET http://other/a/b HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"AbsoluteFormWithUserinfo", 400, "GET http://u@h/a/b HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"OtherScheme", 400, Line("GET ftp://h/a HTTP/1.1")},
      {"RelativeTarget", 400, Line("GET a/b HTTP/1.1")},
      {"AsteriskWithGet", 400, Line("GET * HTTP/1.1")},
      {"Connect", 405, Line("CONNECT h:80 HTTP/1.1")},
      {"Trace", 405, Line("TRACE /a/b HTTP/1.1")},
      {"Version20", 505, Line("GET /a/b HTTP/2.0")},
      {"Version12", 505, Line("GET /a/b HTTP/1.2")},
      {"Version09", 505, Line("GET /a/b HTTP/0.9")},
      {"Http2Preface", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"NoVersion", 400, Line("GET /a/b")},
      {"BadVersion", 400, Line("GET /a/b HTTP/1.10")},
      {"LowerCaseVersion", 400, Line("GET /a/b http/1.1")},
      {"NoTarget", 400, Line("GET")},
      {"TwoSpaces", 400, Line("GET  /a/b HTTP/1.1")},
      {"SpaceInTarget", 400, Line("GET /a b HTTP/1.1")},
      {"SpaceAfterVersion", 400, Line("GET /a/b HTTP/1.1 ")},
      {"UnknownMethod", 501, Line("FROB /a/b HTTP/1.1")},
      {"LowerCaseMethod", 501, Line("get /a/b HTTP/1.1")},
      {"MethodOfOtherBytes", 400, Line("G{T /a/b HTTP/1.1")},
      {"TlsHello", 400, "\x16\x03\x01\x02\x01\x01\xfc\x03\r\n\r\n"},
      {"TwoEmptyLinesFirst", 400, "\r\n\r\n" + Get("")},
      {"UnknownExpect", 417, Put("Expect: 200-ok\r\nContent-Length: 1\r\n", "x")},
      {"TwoExpects", 417,
       Put("Expect: other\r\nExpect: 100-continue\r\nContent-Length: 1\r\n", "x")},
      {"LongTarget", 414, Line("GET /" + std::string(8 << 10, 'a') + " HTTP/1.1")},
      {"LongHeader", 431, Get("A: " + std::string(16 << 10, 'a') + "\r\n")},
      {"ManyFields", 431, Get(ManyFields(100))},
      {"LargeBodyDeclared", 413, Put("Content-Length: 1048577\r\n", "x")},
      {"HugeBodyDeclared", 413, Put("Content-Length: 9223372036854775808\r\n", "x")},
      {"LargeBodyExpected", 413, Put("Content-Length: 1048577\r\nExpect: 100-continue\r\n", "")},
      {"LargeBodyChunked", 413, Chunked("100001\r\nx")},
      {"LargeBodyInChunks", 413, Chunked("1\r\nx\r\n100000\r\n")},
      {"ControlByteInTarget", 400, Line("GET /a\x01 HTTP/1.1")},
      {"DeleteInTarget", 400, Line("GET /a\x7f HTTP/1.1")},
      {"TabInTarget", 400, Line("GET /a\tb HTTP/1.1")},
      {"EightBitTarget", 400, Line("GET /\xc3\xa4 HTTP/1.1")},
      {"FragmentInTarget", 400, Line("GET /a#b HTTP/1.1")},
      {"BadPercentInTarget", 400, Line("GET /a%2 HTTP/1.1")},
      {"PercentWithoutHex", 400, Line("GET /a%zz/b HTTP/1.1")},
      {"BadPercentInQuery", 400, Line("GET /a?b=% HTTP/1.1")},
      {"ContentEncodingGzip", 400, Put("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x")},
      {"ContentEncodingIdentity", 400,
       Put("Content-Encoding: identity\r\nContent-Length: 1\r\n", "x")},
      {"TwoContentTypes", 400,
       Put("Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 1\r\n", "x")},
  };
}

class FramingTableTest : public HttpServerFixture, public testing::WithParamInterface<BadInput> {
 protected:
  void SetUp() override { Serve(); }

  void ExpectRefused(const std::string& answer) {
    EXPECT_EQ(StatusOf(answer), GetParam().status) << answer;
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
    EXPECT_THAT(BodyOf(answer), testing::MatchesRegex(R"(\{"message":"[^"]+.*"\})")) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << "a second answer: " << answer;
    EXPECT_EQ(handler_.handled(), 0);
  }
};

TEST_P(FramingTableTest, IsRefusedWhole) { ExpectRefused(Exchange(GetParam().bytes)); }

TEST_P(FramingTableTest, IsRefusedByteByByte) {
  RawClient client = Connect();
  client.SendByteByByte(GetParam().bytes);
  ExpectRefused(client.ReadToEnd());
  EXPECT_TRUE(client.closed());
}

TEST_P(FramingTableTest, NothingBehindItIsCarriedOut) {
  ExpectRefused(Exchange(GetParam().bytes + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
}

INSTANTIATE_TEST_SUITE_P(All, FramingTableTest, testing::ValuesIn(AllBadInput()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace target_eye
