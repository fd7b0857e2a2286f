#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "http/http_handler.h"
#include "http/net/server_context.h"
#include "http/session/request_client.h"
#include "http/wire/request_head.h"
#include "http/wire/request_id.h"
#include "http/wire/request_plan.h"
#include "util/clock.h"

namespace target_eye {

// The steps of a request that are the same in HTTP/1.1 and HTTP/2. Each may be called from any I/O
// thread.

// What the handler is given; views into the arguments.
HttpRequest MakeRequest(const RequestHead& head, const RequestPlan& plan, std::string_view body,
                        const RequestClient& client, const RequestId& id);

// Counts a request, whose plan is made, against its client's rate; or why it is refused.
std::optional<Refusal> CountAgainstRate(ServerContext& context, const RequestClient& client,
                                        SteadyTime now);

// A body of more than this is sent from where it is, and must have room in the budget of answers.
inline constexpr std::size_t kLargeAnswerBytes = 16 << 10;

// 503 takes the place of the answer, since others fill the budget of answers.
void RefuseAnswer(ServerContext& context, HttpResponse& response);

// Makes room for a body that is large, as shared bytes; 503 takes the place of an answer for which
// there is none. `charge` holds the room.
void HoldAnswer(ServerContext& context, AnswerCharge& charge, HttpResponse& response);

// The answer to a request that is not the handler's matter: it is for the server as a whole,
// outside the root path, or one too many at once.
std::optional<HttpResponse> AnswerWithoutHandler(const ServerContext& context,
                                                 const RequestPlan& plan);

// Logs the refusal, and makes the answer.
HttpResponse RefusalResponse(const Refusal& refusal, const RequestClient& client,
                             const RequestId& id);

// Whether the body stays away although the header may tell its length.
inline bool IsBodiless(int status, std::string_view method) {
  return status == 204 || status == 304 || method == "HEAD";
}

// An answer that is about to be sent: metrics, and a line of the access log.
struct AnswerRecord {
  const RequestHead& head;
  std::string_view version;  // As the access log writes it: `1.1`, `2`.
  bool https = false;        // How it came to us.
  const RequestClient& client;
  const RequestId& id;
  const HttpResponse& response;
  std::string_view response_head;
  std::size_t body_bytes = 0;
  std::chrono::steady_clock::duration took{};
};
void ObserveAnswer(ServerContext& context, const AnswerRecord& record);

}  // namespace target_eye
