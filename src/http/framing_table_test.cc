// Every request of tests/http_vectors.txt that is to be refused and to end its connection, sent
// over a socket: whole, byte by byte, and with a good request behind it, which must never be
// carried out.

#include <gmock/gmock.h>

#include "http/testing/http_vectors.h"
#include "http/testing/raw_server.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

std::vector<HttpVector> AllBadInput() {
  std::vector<HttpVector> vectors =
      ReadHttpVectors(TARGET_EYE_SOURCE_DIR "/tests/http_vectors.txt");
  std::erase_if(vectors, [](const HttpVector& vector) { return !vector.IsRefused(); });
  return vectors;
}

class FramingTableTest : public HttpServerFixture, public testing::WithParamInterface<HttpVector> {
 protected:
  void SetUp() override {
    options_.server_names = {"h", "127.0.0.1", "[::1]"};
    Serve();
  }

  void ExpectRefused(const std::string& answer) {
    EXPECT_THAT(GetParam().statuses, testing::Contains(StatusOf(answer))) << answer;
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Type: application/json\r\n"));
    EXPECT_THAT(BodyOf(answer), testing::MatchesRegex(R"(\{"message":"[^"]+.*"\})")) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << "a second answer: " << answer;
    EXPECT_EQ(handler_.handled(), 0);
  }
};

TEST_P(FramingTableTest, IsRefusedWhole) { ExpectRefused(Exchange(GetParam().sent)); }

TEST_P(FramingTableTest, IsRefusedByteByByte) {
  RawClient client = Connect();
  client.SendByteByByte(GetParam().sent);
  ExpectRefused(client.ReadToEnd());
  EXPECT_TRUE(client.closed());
}

TEST_P(FramingTableTest, NothingBehindItIsCarriedOut) {
  ExpectRefused(Exchange(GetParam().sent + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
}

INSTANTIATE_TEST_SUITE_P(All, FramingTableTest, testing::ValuesIn(AllBadInput()),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace target_eye
