#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/http_handler.h"
#include "http/net/buffer_charge.h"
#include "http/net/connection.h"
#include "http/net/io_thread.h"
#include "http/net/transport.h"
#include "http/session/request_client.h"
#include "http/session/session_output.h"
#include "http/wire/chunk_decoder.h"
#include "http/wire/framing_gate.h"
#include "http/wire/request_id.h"
#include "http/wire/request_plan.h"
#include "util/clock.h"

namespace target_eye {

// One connection that speaks HTTP/1.1 or 1.0. Reads a request, lets the framing gate judge it,
// hands it to the handler, sends the answer, and again. Requests are handled one at a time and
// answered in order; while one is with the handler, or its answer cannot be sent, nothing is read,
// so that the memory of a connection is bounded.
//
// Lives on one IoThread, and is used on it only. It keeps itself alive until it is closed; the
// handler's `respond` keeps it too, so that an answer to a client who has gone is dropped.
class Session final : public Connection {
 public:
  Session(std::shared_ptr<IoThread> thread, Peer peer);

  // Takes over an open connection, whose handshake is over where it is TLS.
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
    kExpecting,  // The handler judges the header, while the client waits to send the body.
    kBody,       // The header has been let in.
    kHandling,   // With the handler.
    kEnding,     // Answered for the last time; only a read that waits is still to come back.
    kClosed,
  };
  static constexpr std::size_t kKeptBytes = 16 << 10;  // Memory that is kept for the next request.

  void Open(Transport transport);
  void Read();
  void OnRead(boost::system::error_code error, std::size_t bytes);
  void OnEndOfInput();

  // Goes on as far as possible: with what has been read, then sending, then reading.
  void Advance();
  // Each gives whether there is more to do with the bytes that are here.
  bool AdvanceHead();
  // The client waits for 100 Continue.
  void DispatchExpect();
  bool AdvanceBody();
  std::size_t NextBodySize() const;
  bool ChargeBody(std::size_t bytes);
  void Dispatch();
  // For a handler, which may call it on any thread.
  HttpHandler::Respond MakeRespond();

  void Answer(HttpResponse response);
  void Refuse(const Refusal& refusal);
  void EndRequest();

  // Gives whether everything has been sent.
  bool Flush();
  void OnWritable();
  // Everything is said: gives the connection to a Lingering.
  void End();
  void HandOver();
  void Close();

  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }
  // Moves what is unread, so that at least `bytes` have room from its beginning on.
  void MakeRoom(std::size_t bytes);
  void SetDeadline();

  const std::shared_ptr<IoThread> thread_;
  ServerContext& context_;
  Peer peer_;
  Transport transport_;
  std::shared_ptr<Session> self_;  // While it is open.
  State state_ = State::kIdle;
  bool in_advance_ = false;  // A response that comes now is given from inside Dispatch.
  bool closing_ = false;     // After what is to be sent.
  bool read_pending_ = false;
  bool write_blocked_ = false;
  std::size_t queued_ = 0;   // Of what was written, at the last progress of a blocked write.
  bool waited_for_ = false;  // The handler answers later; among the requests that are counted.
  bool skipped_empty_line_ = false;
  SteadyTime deadline_;
  SteadyTime now_;
  SteadyTime request_begin_;
  SteadyTime arrival_begin_;  // From when on READ_TIMEOUT runs: after a 100 Continue, from there.

  // Bytes as they came: [begin_, end_) of capacity_.
  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  // The request that is being read or handled; its header is the first head_bytes_ of unread().
  HeadScanner scanner_;
  RequestHead head_;
  RequestPlan plan_;
  std::size_t head_bytes_ = 0;
  ChunkDecoder chunks_;
  RequestClient client_;
  RequestId request_id_;
  std::string body_;  // Where it did not come whole with the header.
  BufferCharge body_charge_;
  bool body_apart_ = false;
  std::size_t body_read_at_ = 0;

  SessionOutput output_;
};

}  // namespace target_eye
