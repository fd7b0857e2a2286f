#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/http_handler.h"
#include "http/net/blocked_write.h"
#include "http/net/byte_budget.h"
#include "http/net/io_thread.h"
#include "http/net/live_connection.h"
#include "http/net/transport.h"
#include "http/session/request_client.h"
#include "http/session/session_input.h"
#include "http/session/session_output.h"
#include "http/wire/chunk_decoder.h"
#include "http/wire/framing_gate.h"
#include "http/wire/request_id.h"
#include "http/wire/request_plan.h"
#include "util/clock.h"

namespace target_eye {

// One connection that speaks HTTP/1.1 or 1.0. Reads a request, lets the framing gate judge it,
// hands it to the handler, sends the answer, and again. Requests are handled one at a time and
// answered in order. While one is with the handler, or its answer cannot be sent, nothing is read.
//
// Memory: SessionInput::kIdleBytes and SessionOutput::kIdleBytes. What a request takes up beyond
// that is counted in ServerContext::request_bytes, what of answers cannot be sent at once in
// ServerContext::answers.
//
// The handler's `respond` keeps it alive, so that an answer to a client who has gone is dropped.
class Session final : public LiveConnection {
 public:
  Session(std::shared_ptr<IoThread> thread, Peer peer);

  // Takes over an open connection, whose handshake is over if it is TLS.
  void Start(Transport transport);
  // The same, to answer with `refusal` whatever it may send, and close.
  void Reject(Transport transport, const Refusal& refusal);

  void Respond(std::int32_t stream, HttpResponse response) override;
  void CheckDeadline(SteadyTime now) override;
  void Drain() override;
  std::size_t Cut() override;

 private:
  enum class State {
    kIdle,       // Between requests.
    kHead,       // Some bytes of a request are here.
    kJudging,    // The handler judges the header, before the body is read.
    kBody,       // The header has been let in.
    kHandling,   // With the handler.
    kStreaming,  // The answer is a stream, and not over.
    kEnding,     // Answered for the last time; only a read that waits is still to come back.
  };

  void Begin(Transport transport);
  void Read();
  void OnRead(boost::system::error_code error, std::size_t bytes);

  // Goes on as far as possible: with what has been read, then sending, then reading.
  void Advance();
  // Each returns whether there is more to do with the bytes that are here.
  bool AdvanceRequest();
  bool AdvanceHead();
  bool AdvanceBody();
  std::optional<Refusal> TakeHead(std::size_t head_bytes);
  // Takes what is here of the body. Returns whether it is whole.
  bool TakeBody();
  void JudgeHead();
  std::size_t NextBodySize() const;
  // Counts what the request takes up, with `body_bytes` of its body apart.
  bool Charge(std::size_t body_bytes);
  void Dispatch();
  void NoteWaiting();
  // For a handler, which may call it on any thread.
  HttpHandler::Respond MakeRespond();

  void Answer(HttpResponse response);
  void Refuse(const Refusal& refusal);
  void AddAnswer(HttpResponse response);
  void EndRequest();

  // Returns whether everything has been sent.
  bool Flush();
  void WaitWritable();
  void OnStreamNews();
  // Everything is said.
  void End();
  void OnClose() override;

  void SetDeadline();

  State state_ = State::kIdle;
  bool in_advance_ = false;  // A response that comes now is given from inside Dispatch.
  bool closing_ = false;     // After what is to be sent.
  bool read_pending_ = false;
  BlockedWrite blocked_;
  bool waited_for_ = false;  // The handler answers later; among the requests that are counted.
  bool skipped_empty_line_ = false;
  SteadyTime deadline_;
  SteadyTime now_;
  SteadyTime request_begin_;
  SteadyTime arrival_begin_;  // From when on READ_TIMEOUT runs: after the judgement, from there.

  SessionInput input_;

  // The request that is being read or handled; its header is the first head_bytes_ of the input.
  HeadScanner scanner_;
  RequestHead head_;
  RequestPlan plan_;
  std::size_t head_bytes_ = 0;
  bool judged_ = false;
  bool body_begun_ = false;  // Some of it has come, so that the client does not wait for 100.
  ChunkDecoder chunks_;
  RequestClient client_;
  RequestId request_id_;
  std::string body_;  // If it did not come whole with the header.
  ByteCharge charge_;
  bool body_apart_ = false;
  std::size_t body_read_at_ = 0;

  SessionOutput output_;
};

}  // namespace target_eye
