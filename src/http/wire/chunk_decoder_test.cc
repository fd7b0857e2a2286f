#include "http/wire/chunk_decoder.h"

#include <gmock/gmock.h>

namespace target_eye {
namespace {

constexpr std::size_t kLimit = 1000;

TEST(ChunkDecoderTest, TakesTheCodingOffAndLeavesWhatFollows) {
  ChunkDecoder decoder;
  std::string body;
  const std::string input = "3\r\nabc\r\n2 ; n=v ;m=\"q\\\"\t\"\r\nde\r\n000\r\n\r\nNEXT";
  EXPECT_EQ(decoder.Decode(input, kLimit, body), input.size() - 4);
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(body, "abcde");
}

TEST(ChunkDecoderTest, EverySplitGivesTheSame) {
  const std::string input = "1;x\r\na\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
  for (std::size_t i = 0; i <= input.size(); ++i) {
    for (std::size_t j = i; j <= input.size(); ++j) {
      ChunkDecoder decoder;
      std::string body;
      EXPECT_EQ(decoder.Decode(input.substr(0, i), kLimit, body), i);
      EXPECT_EQ(decoder.Decode(input.substr(i, j - i), kLimit, body), j - i);
      EXPECT_EQ(decoder.Decode(input.substr(j), kLimit, body), input.size() - j);
      EXPECT_TRUE(decoder.done());
      EXPECT_EQ(body, "a0123456789abcdef");
    }
  }
}

TEST(ChunkDecoderTest, MalformedChunksAreRefused) {
  for (const std::string_view input : {"\r\n",
                                       "g\r\n",
                                       " 1\r\n",
                                       "1 \r\n",
                                       "-1\r\n",
                                       "0x1\r\n",
                                       "1,2\r\n",
                                       "1\n",
                                       "1\rx\n",
                                       "1;\r\n",
                                       "1;=v\r\n",
                                       "1;n=\r\n",
                                       "1;n=\"v\r\n",
                                       "1;n=\"\x7f\"\r\n",
                                       "1;n=\"\x80\"\r\n",
                                       "1;n=\"\\\x01\"\r\n",
                                       "1;n=\"v\"x\r\n",
                                       "1;n=v v\r\n",
                                       "00000000000000001\r\n",
                                       "1\r\nab",
                                       "1\r\na\n",
                                       "1\r\na\rb",
                                       "0\r\nA",
                                       "0\r\n\n",
                                       "0\r\n\rA"}) {
    ChunkDecoder decoder;
    std::string body;
    decoder.Decode(input, kLimit, body);
    ASSERT_TRUE(decoder.refusal().has_value()) << input;
    EXPECT_EQ(decoder.refusal()->status, 400) << input;
  }
}

TEST(ChunkDecoderTest, ALineMayHave256BytesAndNotOneMore) {
  const std::string line = "1;" + std::string(252, 'n') + "\r\n";
  ASSERT_EQ(line.size(), ChunkDecoder::kMaxLineBytes);
  ChunkDecoder decoder;
  std::string body;
  decoder.Decode(line + "a", kLimit, body);
  EXPECT_FALSE(decoder.refusal().has_value());
  decoder.Reset();
  decoder.Decode("1;" + std::string(300, 'n'), kLimit, body);
  ASSERT_TRUE(decoder.refusal().has_value());
  EXPECT_EQ(decoder.refusal()->status, 400);
}

TEST(ChunkDecoderTest, ABodyOverTheLimitIsRefusedAtTheSizeOfItsChunk) {
  ChunkDecoder decoder;
  std::string body;
  const std::string first = "3e7\r\n" + std::string(999, 'x') + "\r\n";
  decoder.Decode(first + "1\r\ny\r\n", kLimit, body);
  EXPECT_FALSE(decoder.refusal().has_value());
  EXPECT_EQ(body.size(), kLimit);
  decoder.Decode("1\r\n", kLimit, body);
  ASSERT_TRUE(decoder.refusal().has_value());
  EXPECT_EQ(decoder.refusal()->status, 413);
}

}  // namespace
}  // namespace target_eye
