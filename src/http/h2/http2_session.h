#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "http/h2/http2_budget.h"
#include "http/http_handler.h"
#include "http/net/buffer_charge.h"
#include "http/net/connection.h"
#include "http/net/io_thread.h"
#include "http/net/transport.h"
#include "http/session/request_client.h"
#include "http/wire/framing_gate.h"
#include "http/wire/http2_head.h"
#include "http/wire/request_id.h"
#include "http/wire/request_plan.h"
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
// While what is to be sent cannot go out, nothing is read, so that
// what a connection holds is bounded: by the limits of each stream, and by kBodiesAtOnce.
//
// Lives on one IoThread, and is used on it only. It keeps itself alive until it is closed; the
// handler's `respond` keeps it and the stream, so that an answer to a client who has gone is
// dropped.
class Http2Session final : public Connection {
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
  enum class State {
    kOpen,
    kEnding,  // Everything is said; only a wait for something to read is still to come back.
    kClosed,
  };
  struct Stream {
    Stream(const HeadLimits& limits, const Peer& peer, BufferBudget& budget)
        : fields(limits), client(peer), charge(budget) {}

    Http2Head fields;
    RequestHead head;
    RequestPlan plan;
    RequestClient client;
    RequestId id;
    std::string body;
    BufferCharge charge;
    SteadyTime begin;
    SteadyTime deadline;
    bool head_done = false;
    bool whole = false;
    bool waited_for = false;  // With the handler.
    bool expecting = false;   // The handler judges the header, and says whether to go on.
    bool answered = false;
    bool dropping = false;  // The answer is out; what still comes of the request is dropped.
    bool closed = false;    // Kept only for the handler, whose views are into it.
    // Of the response, sent from sent_ on.
    std::string out_body;
    std::shared_ptr<const std::string> out_shared_body;
    std::size_t sent = 0;
    // Of a request that was answered before it was whole.
    std::size_t dropped_bytes = 0;
    SteadyTime drop_deadline;  // Whatever comes.
    bool resetting = false;    // RST_STREAM is to be sent; once is enough.

    std::string_view unsent() const {
      return std::string_view(out_shared_body ? *out_shared_body : out_body).substr(sent);
    }
  };
  struct Callbacks;  // What nghttp2 calls.
  struct FreeSession {
    void operator()(nghttp2_session* session) const;
  };

  // http2_session.cc: the connection.
  bool MakeSession();
  void WaitReadable();
  void Receive();
  // Gives whether the connection is still open.
  bool TakeBytes(std::string_view bytes);
  // Gives whether everything went out, and the connection is open.
  bool Send();
  bool Flush();
  void SendSoon();
  void FillOut();
  // Says GOAWAY with `code`; the connection ends when it is sent.
  void Terminate(std::uint32_t code);
  // Everything is said: gives the connection to a Lingering.
  void End();
  void HandOver();
  void Close();
  void SetIdleDeadline();

  // http2_streams.cc: the requests.
  Stream* Find(std::int32_t id);
  void Begin(std::int32_t id);
  void TakeHead(std::int32_t id, Stream& stream);
  // The client waits for 100 Continue.
  void DispatchExpect(std::int32_t id, Stream& stream);
  void Continue(std::int32_t id, Stream& stream);
  void TakeBody(std::int32_t id, Stream& stream, std::string_view bytes);
  void TakeEnd(std::int32_t id, Stream& stream);
  void Dispatch(std::int32_t id, Stream& stream);
  // For a handler, which may call it on any thread.
  HttpHandler::Respond MakeRespond(std::int32_t id);
  void Refuse(std::int32_t id, Stream& stream, const Refusal& refusal);
  void Answer(std::int32_t id, Stream& stream, HttpResponse response);
  // nghttp2 has refused it without a word.
  void ObserveReset(Stream& stream);
  void LetGoOfBody(Stream& stream);
  // The answer is out, and the request not whole.
  void BeginDropping(Stream& stream);
  void Drop(std::int32_t id, Stream& stream, std::size_t bytes);
  void Reset(std::int32_t id, Stream& stream, std::uint32_t code);
  // Whether there is an answer that is still to come or to be sent.
  bool OwesAnAnswer() const;
  void OnStreamClosed(std::int32_t id);
  // Of a stream whose deadline has passed. Gives false where the connection ends with it.
  bool CheckStream(std::int32_t id, Stream& stream, SteadyTime now);

  const std::shared_ptr<IoThread> thread_;
  ServerContext& context_;
  const HeadLimits head_limits_;
  Peer peer_;
  Transport transport_;
  std::shared_ptr<Http2Session> self_;  // While it is open.
  std::unique_ptr<nghttp2_session, FreeSession> session_;
  State state_ = State::kOpen;
  std::map<std::int32_t, Stream> streams_;
  std::size_t buffered_bytes_ = 0;  // Of all bodies.

  bool reading_ = false;  // Waits for something to read.
  bool write_blocked_ = false;
  std::size_t queued_ = 0;   // Of what was written, at the last progress of a blocked write.
  bool in_nghttp2_ = false;  // Nothing may be sent from inside its callbacks.
  bool send_soon_ = false;
  bool draining_ = false;
  bool told_last_stream_ = false;
  SteadyTime now_;
  SteadyTime deadline_;  // Of an idle connection, of a write, or of the end.
  Http2Budget budget_;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t framed_bytes_ = 0;  // Of frames that nghttp2 has told us of.

  std::string out_;  // Sent from sent_ on.
  std::size_t sent_ = 0;
};

}  // namespace target_eye
