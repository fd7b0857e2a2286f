#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/h2/http2_budget.h"
#include "http/h2/http2_stream.h"
#include "http/http_handler.h"
#include "http/net/blocked_write.h"
#include "http/net/byte_budget.h"
#include "http/net/io_thread.h"
#include "http/net/live_connection.h"
#include "http/net/transport.h"
#include "util/clock.h"

typedef struct nghttp2_session nghttp2_session;

namespace target_eye {

// One connection that speaks HTTP/2 (RFC 9113); nghttp2 takes its frames apart. Each stream is one
// request, which passes the same gate, limits and deadlines as one of HTTP/1.1; a refusal ends the
// stream, not the connection.
//
// A request that is answered before it is whole is taken to its end, and dropped: many clients lose
// an answer that a reset follows, or wait for room to send the rest. Such a stream holds no body
// and no header, but counts among those that a client may have at once. It is reset (NO_ERROR)
// after kDropPause without DATA, READ_TIMEOUT after the answer, or after kDropBytes; and when the
// connection's share is used up (Http2Budget::TakeDropped).
//
// While what is to be sent cannot go out, nothing is read. While the handler judges a header, its
// client gets no more room for the body.
//
// Memory: what nghttp2 and Http2Stream need for each of the streams that a client may have at once
// is bounded by their number. What requests take up beyond kFreeRequestBytes a connection is
// counted in ServerContext::request_bytes, unsent answers beyond kFreeAnswerBytes in
// ServerContext::answers.
//
// The handler's `respond` keeps it and the stream alive, so that an answer to a client who has gone
// is dropped.
class Http2Session final : public LiveConnection {
 public:
  Http2Session(std::shared_ptr<IoThread> thread, Peer peer);
  ~Http2Session() override;

  // Takes over an open connection on which HTTP/2 was agreed.
  void Start(Transport transport);

  void Respond(std::int32_t stream, HttpResponse response) override;
  void CheckDeadline(SteadyTime now) override;
  void Drain() override;
  std::size_t Cut() override;

 private:
  // What all unfinished bodies of a connection may hold, in bodies of the largest size.
  static constexpr std::size_t kBodiesAtOnce = 4;
  static constexpr std::chrono::milliseconds kDropPause{500};
  static constexpr std::size_t kDropBytes = 64 << 20;
  static constexpr std::size_t kFreeAnswerBytes = 16 << 10;
  using Stream = Http2Stream;
  struct Callbacks;  // What nghttp2 calls.
  struct FreeSession {
    void operator()(nghttp2_session* session) const;
  };

  // http2_session.cc: the connection.
  bool MakeSession();
  void WaitReadable();
  void Receive();
  // Returns whether the connection is still open.
  bool TakeBytes(std::string_view bytes);
  // Returns whether everything went out, and the connection is open.
  bool Send();
  bool Flush();
  void WaitWritable();
  void SendSoon();
  void FillOut();
  // Says GOAWAY with `code`; the connection ends when it is sent.
  void Terminate(std::uint32_t code);
  // Everything is said.
  void End();
  void OnClose() override;
  void SetIdleDeadline();
  // Whether streams may be used, and frames sent.
  bool is_talking() const { return is_open() && !ending_; }

  // http2_streams.cc: the requests.
  Stream* Find(std::int32_t id);
  void Begin(std::int32_t id);
  void TakeField(Stream& stream, std::string_view name, std::string_view value);
  void TakeHead(std::int32_t id, Stream& stream);
  // Of the requests whose bodies are still to come after what was read.
  void JudgeHeads();
  void JudgeHead(std::int32_t id, Stream& stream);
  void Continue(std::int32_t id, Stream& stream);
  void TakeData(std::int32_t id, std::string_view bytes);
  void TakeBody(std::int32_t id, Stream& stream, std::string_view bytes);
  void TakeEnd(std::int32_t id, Stream& stream);
  void Dispatch(std::int32_t id, Stream& stream);
  void NoteWaiting(Stream& stream);
  // For a handler, which may call it on any thread.
  HttpHandler::Respond MakeRespond(std::int32_t id);
  void Refuse(std::int32_t id, Stream& stream, const Refusal& refusal);
  void Answer(std::int32_t id, Stream& stream, HttpResponse response);
  // nghttp2 has refused it without a word.
  void ObserveReset(Stream& stream);
  void OnStreamNews(std::int32_t id);
  // Counts what it takes up. Returns false if that is too much.
  bool CountRequest(Stream& stream);
  bool ChargeAnswers();
  // Counts what the answer holds until it is sent; 503 takes its place if there is no room.
  void MakeRoomFor(Stream& stream, HttpResponse& response);
  // What the client may not have been given room for, it is now.
  void OpenWindow(std::int32_t id, Stream& stream);
  void LetGoOfRequest(Stream& stream);
  void LetGoOfAnswer(Stream& stream);
  // While memory is short: the client does not take the answer.
  bool IsTooSlow(const Stream& stream, SteadyTime now) const;
  // The answer is out, and the request not whole.
  void BeginDropping(Stream& stream);
  void Drop(std::int32_t id, Stream& stream, std::size_t bytes);
  void Reset(std::int32_t id, Stream& stream, std::uint32_t code);
  // Whether there is an answer that is still to come or to be sent.
  bool OwesAnAnswer() const;
  void OnStreamClosed(std::int32_t id);
  // Of a stream whose deadline has passed. Returns false if the connection ends with it.
  bool CheckStream(std::int32_t id, Stream& stream, SteadyTime now);

  const HeadLimits head_limits_;
  std::unique_ptr<nghttp2_session, FreeSession> session_;
  std::map<std::int32_t, Stream> streams_;
  std::vector<std::int32_t> unjudged_;
  std::size_t request_bytes_ = 0;  // Of all streams.
  ByteCharge request_charge_;
  std::size_t answer_bytes_ = 0;  // Of those that are not large.
  ByteCharge answer_charge_;

  bool ending_ = false;   // Only a wait for something to read is still to come back.
  bool reading_ = false;  // Waits for something to read.
  BlockedWrite blocked_;
  bool in_nghttp2_ = false;  // Nothing may be sent from inside its callbacks.
  bool send_soon_ = false;
  bool draining_ = false;
  bool told_last_stream_ = false;
  SteadyTime now_;
  SteadyTime deadline_;  // Of an idle connection.
  Http2Budget budget_;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t framed_bytes_ = 0;  // Of frames that nghttp2 has told us of.

  std::string out_;  // Sent from sent_ on.
  std::size_t sent_ = 0;
};

}  // namespace target_eye
