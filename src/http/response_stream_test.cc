#include "http/response_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/net/answer_budget.h"
#include "http/testing/http2_client.h"
#include "http/testing/raw_server.h"

namespace target_eye {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

AnswerBudget::Bytes Text(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}
AnswerBudget::Bytes Filler(std::size_t bytes) { return Text(std::string(bytes, 'x')); }

std::string ReadAll(StreamReader& reader, std::size_t room = 100) {
  std::string text(room, '\0');
  text.resize(reader.Read(text).bytes);
  return text;
}

TEST(ResponseStreamTest, BytesComeInOrder) {
  AnswerBudget budget(1000);
  auto [stream, reader] = ResponseStream::Make();
  EXPECT_TRUE(stream->Send(Text("before")));
  reader.Attach(budget, [] {});
  EXPECT_TRUE(stream->Send(Text("")));
  EXPECT_TRUE(stream->Send(Text("-after")));
  EXPECT_EQ(ReadAll(reader, 3), "bef");
  EXPECT_EQ(ReadAll(reader), "ore-after");
  EXPECT_EQ(ReadAll(reader), "");
}

TEST(ResponseStreamTest, AReaderThatFoundTooLittleIsWokenOnce) {
  AnswerBudget budget(0);
  auto [stream, reader] = ResponseStream::Make();
  int woken = 0;
  reader.Attach(budget, [&] { ++woken; });
  stream->Send(Text("a"));
  stream->Send(Text("b"));
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(ReadAll(reader, 1), "a");
  stream->Send(Text("c"));
  EXPECT_EQ(woken, 1) << "its room was full, so that it comes back by itself";
  EXPECT_EQ(ReadAll(reader), "bc");
  stream->Send(Text("d"));
  EXPECT_EQ(woken, 2);
}

TEST(ResponseStreamTest, AnEndComesAfterWhatWasSent) {
  AnswerBudget budget(0);
  auto [stream, reader] = ResponseStream::Make();
  int told = 0;
  stream->OnOver([&] { ++told; });
  reader.Attach(budget, [] {});
  stream->Send(Text("last"));
  stream->End();
  stream->End();
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(stream->is_over());
  EXPECT_FALSE(stream->Send(Text("too late")));
  std::array<char, 4> room{};
  const StreamReader::Piece piece = reader.Read(room);
  EXPECT_EQ(piece.bytes, 4U);
  EXPECT_EQ(piece.state, StreamReader::State::kEnded);
}

TEST(ResponseStreamTest, ItIsOverOnceItsReaderIsGone) {
  auto [stream, reader] = ResponseStream::Make();
  int told = 0;
  stream->OnOver([&] { ++told; });
  {
    const StreamReader gone = std::move(reader);
  }
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(stream->Send(Text("nobody hears it")));
  stream->OnOver([&] { ++told; });
  EXPECT_EQ(told, 2) << "told at once";
}

TEST(ResponseStreamTest, WhoFallsBehindIsCutOffAndHoldsNothing) {
  AnswerBudget budget(100 << 20);
  auto [stream, reader] = ResponseStream::Make();
  reader.Attach(budget, [] {});
  EXPECT_TRUE(stream->Send(Filler(ResponseStream::kMostUnsentBytes)));
  EXPECT_EQ(budget.own().used(), ResponseStream::kMostUnsentBytes);
  EXPECT_FALSE(stream->Send(Filler(1)));
  EXPECT_EQ(budget.own().used(), 0U);
  std::array<char, 4> room{};
  EXPECT_EQ(reader.Read(room).state, StreamReader::State::kBroken);
}

TEST(ResponseStreamTest, WhatManyAreSentCountsOnce) {
  AnswerBudget budget(2500);
  const auto bytes = Filler(1000);
  std::vector<std::pair<std::shared_ptr<ResponseStream>, StreamReader>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(ResponseStream::Make());
    all.back().second.Attach(budget, [] {});
    EXPECT_TRUE(all.back().first->Send(bytes));
  }
  EXPECT_EQ(budget.own().used(), 1000U);
  EXPECT_TRUE(all.front().first->Send(Filler(1000)));
  EXPECT_FALSE(all.front().first->Send(Filler(1000))) << "there is no room for other bytes";
  for (auto& [stream, reader] : all) ReadAll(reader, 2000);
  EXPECT_EQ(budget.own().used(), 0U);
}

TEST(ResponseStreamTest, ManyThreadsMayUseIt) {
  AnswerBudget budget(100 << 20);
  auto [stream, reader] = ResponseStream::Make();
  std::atomic<bool> awake = false;
  reader.Attach(budget, [&] { awake = true; });
  std::size_t sent = 0;
  std::jthread writer([&, stream = stream] {
    for (int i = 0; i < 10'000; ++i) sent += stream->Send(Text("abc")) ? 3 : 0;
    stream->End();
  });
  std::size_t got = 0;
  for (bool ended = false; !ended;) {
    std::array<char, 64> room{};
    const StreamReader::Piece piece = reader.Read(room);
    got += piece.bytes;
    ended = piece.state == StreamReader::State::kEnded;
  }
  writer.join();
  EXPECT_EQ(got, sent);
  EXPECT_EQ(budget.own().used(), 0U);
}

class StreamedAnswerTest : public HttpServerFixture {
 protected:
  std::shared_ptr<ResponseStream> Stream(std::size_t index = 0) {
    return handler_.AwaitStreams(index + 1).at(index);
  }
  static void ReadUntilHas(RawClient& client, std::string_view text) {
    client.ReadUntil([&](std::string_view got) { return got.contains(text); });
  }
};

TEST_F(StreamedAnswerTest, ComesInChunks) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = Stream();
  ReadUntilHas(client, "10\r\nGET /stream? [] \r\n");
  stream->Send(Text("first"));
  ReadUntilHas(client, "0005\r\nfirst\r\n");
  stream->Send(Text("second"));
  stream->End();
  const std::string& all = client.ReadToEnd();
  EXPECT_THAT(all, HasSubstr("\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(all, EndsWith("0006\r\nsecond\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.closed());
}

TEST_F(StreamedAnswerTest, EndsWithTheConnectionForHttp10) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /stream HTTP/1.0\r\n\r\n");
  const auto stream = Stream();
  stream->Send(Text("news"));
  stream->End();
  const std::string& all = client.ReadToEnd();
  EXPECT_THAT(all, Not(HasSubstr("Transfer-Encoding")));
  EXPECT_THAT(all, EndsWith("GET /stream? [] news"));
}

TEST_F(StreamedAnswerTest, HasNoBodyForHead) {
  Serve();
  RawClient client = Connect();
  client.Send("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(client.ReadUntil([](std::string_view got) { return got.ends_with("\r\n\r\n"); }),
              HasSubstr("200 OK"));
  EXPECT_TRUE(Stream()->is_over());
}

// Neither its going nor its bytes may be missed, and it must not make the server read without end.
TEST_F(StreamedAnswerTest, IsOverOnceTheClientHasGone) {
  Serve();
  std::atomic<int> over = 0;
  {
    RawClient client = Connect();
    client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    Stream()->OnOver([&] { ++over; });
    ReadUntilHas(client, "[] \r\n");
  }
  while (over == 0) std::this_thread::yield();
  RawClient pipelining = Connect();
  pipelining.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = Stream(1);
  stream->OnOver([&] { ++over; });
  stream->Send(Text("news"));
  ReadUntilHas(pipelining, "news");
  pipelining.Vanish();
  while (stream->Send(Text("more"))) std::this_thread::yield();
  while (over == 1) std::this_thread::yield();
}

TEST_F(StreamedAnswerTest, WhoDoesNotTakeItIsCutOffInTheMiddle) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = Stream();
  const auto bytes = Filler(64 << 10);
  while (stream->Send(bytes)) std::this_thread::yield();
  EXPECT_THAT(client.ReadToEnd(), Not(EndsWith("0\r\n\r\n")));
}

TEST_F(StreamedAnswerTest, AStopDoesNotWaitForIt) {
  Serve();
  RawClient client = Connect();
  client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto stream = Stream();
  RawClient stuck = Connect();
  stuck.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto other = Stream(1);
  // As much as the socket takes and more, but not too much.
  for (int i = 0; i < 15; ++i) {
    other->Send(Filler(60 << 10));
    stream->Send(Text("x"));
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(server_->Stop(std::chrono::seconds(60)), 0U) << "a stream is no request that is cut";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(50));
  EXPECT_TRUE(stream->is_over());
  EXPECT_TRUE(other->is_over());
  EXPECT_THAT(client.ReadToEnd(), EndsWith("\r\n0\r\n\r\n"));
}

class Http2StreamedAnswerTest : public TlsServerFixture {
 protected:
  std::shared_ptr<ResponseStream> Stream(std::size_t index = 0) {
    return handler_.AwaitStreams(index + 1).at(index);
  }
};

TEST_F(Http2StreamedAnswerTest, ComesAsThereIsNews) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto id = client.Get("/stream");
  const auto stream = Stream();
  while (client.Peek(id).body != "GET /stream? [] ") client.ReadFrame();
  stream->Send(Text("news"));
  while (!client.Peek(id).body.ends_with("news")) client.ReadFrame();
  const auto other = client.Get("/other");
  EXPECT_EQ(client.Await(other).status, 200) << "beside it";
  stream->Send(Text(" and more"));
  stream->End();
  const auto response = client.Await(id);
  EXPECT_EQ(response.body, "GET /stream? [] news and more");
  EXPECT_TRUE(response.ended);
}

TEST_F(Http2StreamedAnswerTest, WhoDoesNotTakeItIsResetAlone) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  client.KeepWindowsShut();
  const auto id = client.Get("/stream");
  const auto stream = Stream();
  const auto bytes = Filler(64 << 10);
  while (stream->Send(bytes)) std::this_thread::yield();
  EXPECT_TRUE(client.AwaitReset(id).has_value());
  EXPECT_FALSE(client.Peek(id).ended);
  EXPECT_TRUE(client.IsOpen());
}

TEST_F(Http2StreamedAnswerTest, IsOverOnceTheClientTakesItBack) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto id = client.Get("/stream");
  const auto stream = Stream();
  std::atomic<bool> over = false;
  stream->OnOver([&] { over = true; });
  client.Send(NGHTTP2_RST_STREAM, 0, id, Http2Client::Number(NGHTTP2_CANCEL, 4));
  while (!over) std::this_thread::yield();
}

TEST_F(Http2StreamedAnswerTest, AStopDoesNotWaitForIt) {
  ServeTls();
  Http2Client client(address());
  client.Start();
  const auto id = client.Get("/stream");
  const auto stream = Stream();
  stream->Send(Text("news"));
  Http2Client stuck(address());
  stuck.Start();
  stuck.KeepWindowsShut();
  stuck.Get("/stream");
  Stream(1)->Send(Filler(200 << 10));
  std::jthread stop([&] { EXPECT_EQ(server_->Stop(std::chrono::seconds(60)), 0U); });
  const auto response = client.Await(id);
  EXPECT_TRUE(response.ended);
  EXPECT_EQ(response.body, "GET /stream? [] news");
  client.AwaitEnd();
  stuck.AwaitEnd();
}

}  // namespace
}  // namespace target_eye
