#include "http/session/request_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "http/access_log/access_log.h"
#include "http/message_response.h"
#include "http/wire/request_plan.h"
#include "http/wire/response_head.h"
#include "model/error.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

std::string_view MethodForMetrics(std::string_view method) {
  static constexpr std::array<std::string_view, 7> kMethods = {"GET",    "HEAD",    "PUT",  "POST",
                                                               "DELETE", "OPTIONS", "PATCH"};
  const auto* found = std::ranges::find(kMethods, method);
  return found == kMethods.end() ? "other" : *found;
}

// 503, with when to come again.
HttpResponse TooMuch(std::string_view message) {
  HttpResponse response = MessageResponse(503, message, "server");
  response.headers.push_back({"Retry-After", "1"});
  return response;
}

}  // namespace

HttpRequest MakeRequest(const RequestHead& head, const RequestPlan& plan, std::string_view body,
                        const RequestClient& client, const RequestId& id) {
  return {
      .method = head.method,
      .target = head.target,
      .path = plan.path,
      .query = plan.query,
      .content_type = plan.content_type,
      .authorization = plan.authorization,
      .accept_encoding = plan.accept_encoding,
      .if_none_match = plan.if_none_match,
      .allowed_origin = plan.allowed_origin,
      .body = body,
      .peer = client.address().text,
      .request_id = id.text(),
      .certificate = client.certificate(),
  };
}

std::optional<Refusal> CountAgainstRate(ServerContext& context, const RequestClient& client,
                                        SteadyTime now) {
  if (context.options.client_rate_limit == 0 ||
      context.client_rates.Take(client.address().key, now)) {
    return std::nullopt;
  }
  return Refusal{429, "too many requests from this address; try again in a second"};
}

void HoldAnswer(ServerContext& context, AnswerCharge& charge, HttpResponse& response) {
  if (BodyOf(response).size() <= kLargeAnswerBytes) return;
  if (!response.shared_body) {
    response.shared_body = std::make_shared<const std::string>(std::move(response.body));
  }
  if (!charge.Hold(response.shared_body)) RefuseAnswer(context, response);
}

void RefuseAnswer(ServerContext& context, HttpResponse& response) {
  context.metrics.AnswerDropped();
  std::string caller = std::move(response.caller);
  response = TooMuch(
      "too many answers wait for clients that are slow to take them; try again in a moment");
  response.caller = std::move(caller);
}

std::optional<HttpResponse> AnswerWithoutHandler(const ServerContext& context,
                                                 const RequestPlan& plan) {
  if (plan.path == "*") {
    HttpResponse response;
    response.status = 204;
    response.headers.push_back({"Allow", std::string(kAllMethods)});
    response.handler = "server";
    return response;
  }
  if (plan.outside_root) {
    return MessageResponse(404,
                           fmt::format("path {}: expected one that begins with {}, below which all "
                                       "is served here",
                                       Quote(plan.path), context.policy.root_path),
                           "server");
  }
  const std::size_t limit = context.options.request_limit;
  if (limit > 0 && !plan.rules.exempt_from_request_limit &&
      context.waiting_requests.load(std::memory_order_relaxed) >= limit) {
    return TooMuch("too many requests at once; try again in a moment");
  }
  return std::nullopt;
}

HttpResponse RefusalResponse(const Refusal& refusal, const RequestClient& client,
                             const RequestId& id) {
  Log(LogLevel::kDebug, "request refused",
      {{"peer", client.address().text},
       {"request_id", id.text()},
       {"status", refusal.status},
       {"reason", refusal.message}});
  HttpResponse response = MessageResponse(refusal.status, refusal.message, "framing");
  if (!refusal.allow.empty()) response.headers.push_back({"Allow", std::string(refusal.allow)});
  if (refusal.status == 429 || refusal.status == 503) {
    response.headers.push_back({"Retry-After", "1"});
  }
  return response;
}

void ObserveAnswer(ServerContext& context, const AnswerRecord& record) {
  const HttpResponse& response = record.response;
  context.metrics.ObserveRequest(response.status, MethodForMetrics(record.head.method),
                                 response.handler, record.took);
  if (context.access_log == nullptr) return;
  context.access_log->Write({.peer = record.client.address().text,
                             .method = record.head.method,
                             .target = record.head.target,
                             .version = record.version,
                             .scheme = record.client.https(record.https) ? "https" : "http",
                             .caller = response.caller,
                             .request_id = record.id.text(),
                             .request_fields = record.head.fields,
                             .status = response.status,
                             .body_bytes = record.body_bytes,
                             .response_head = record.response_head,
                             .took = record.took,
                             .time = SystemClock().WallNow()});
}

}  // namespace target_eye
