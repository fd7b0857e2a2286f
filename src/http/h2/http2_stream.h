#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "http/net/answer_budget.h"
#include "http/net/connection.h"
#include "http/response_stream.h"
#include "http/session/request_client.h"
#include "http/wire/framing_gate.h"
#include "http/wire/http2_head.h"
#include "http/wire/request_head.h"
#include "http/wire/request_id.h"
#include "http/wire/request_plan.h"
#include "util/clock.h"

namespace target_eye {

// One request of a connection of HTTP/2, and its answer. Used on the connection's thread.
struct Http2Stream {
  Http2Stream(const HeadLimits& limits, const Peer& peer, AnswerBudget& answers)
      : fields(limits), client(peer), answer_charge(answers) {}

  // What the request takes up.
  std::size_t request_bytes() const { return fields.kept_bytes() + body.size(); }

  Http2Head fields;
  RequestHead head;
  RequestPlan plan;
  RequestClient client;
  RequestId id;
  std::string body;
  std::size_t counted_bytes = 0;  // Of request_bytes(), in the connection's.
  std::size_t held_window = 0;    // Of DATA: bytes for which the client gets no room yet.
  SteadyTime begin;
  SteadyTime deadline;
  bool head_done = false;
  bool whole = false;
  bool waited_for = false;  // With the handler.
  bool judging = false;     // The handler judges the header, and says whether to go on.
  bool answered = false;
  bool dropping = false;  // The answer is out; what still comes of the request is dropped.
  bool closed = false;    // Kept only for the handler, whose views are into it.

  // Of the response: the body, sent from sent on; what of it is counted in the connection's; what
  // comes behind it.
  std::string out_body;
  AnswerBudget::Bytes out_shared_body;
  std::size_t sent = 0;
  std::size_t counted_answer_bytes = 0;
  AnswerCharge answer_charge;
  StreamReader out_stream;
  SteadyTime answered_at;

  // Of a request that was answered before it was whole.
  std::size_t dropped_bytes = 0;
  SteadyTime drop_deadline;  // Whatever comes.
  bool resetting = false;    // RST_STREAM is to be sent; once is enough.

  std::string_view unsent() const {
    return std::string_view(out_shared_body ? *out_shared_body : out_body).substr(sent);
  }
};

}  // namespace target_eye
