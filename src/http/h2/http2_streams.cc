#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "http/h2/http2_callbacks.h"
#include "http/session/request_steps.h"
#include "http/wire/request_plan.h"
#include "http/wire/response_head.h"
#include "util/ascii.h"
#include "util/let_go.h"

namespace target_eye {
namespace {

using std::chrono::steady_clock;

// The lines of a response's header, as HTTP/2 has them: names in lower case, in `head` itself,
// which must stay.
std::vector<nghttp2_nv> FieldsOf(std::string& head, std::string& status) {
  std::vector<nghttp2_nv> fields;
  const auto bytes = [](char* text) { return reinterpret_cast<std::uint8_t*>(text); };
  static char status_name[] = ":status";
  fields.push_back({bytes(status_name), bytes(status.data()), sizeof status_name - 1, status.size(),
                    NGHTTP2_NV_FLAG_NO_COPY_NAME});
  std::size_t at = head.find("\r\n") + 2;
  for (;;) {
    const std::size_t end = head.find("\r\n", at);
    if (end == at || end == std::string::npos) return fields;
    const std::size_t colon = head.find(':', at);
    for (std::size_t i = at; i < colon; ++i) head[i] = ToLower(head[i]);
    const std::size_t value = colon + 2;  // As AppendResponseHead writes it.
    fields.push_back(
        {bytes(&head[at]), bytes(&head[value]), colon - at, end - value, NGHTTP2_NV_FLAG_NONE});
    at = end + 2;
  }
}

// What is to be taken of a budget for `bytes`, of which the first `free` need not be: in steps, so
// that this is rare.
std::size_t InSteps(std::size_t bytes, std::size_t free) {
  constexpr std::size_t kStep = 4 << 10;
  return bytes <= free ? 0 : (bytes - free + kStep - 1) / kStep * kStep;
}

Refusal TooManyBodies() {
  return {503, "too many bodies are being received at once; try again in a moment"};
}

}  // namespace

Http2Session::Stream* Http2Session::Find(std::int32_t id) {
  const auto it = streams_.find(id);
  return it == streams_.end() || it->second.closed ? nullptr : &it->second;
}

void Http2Session::Begin(std::int32_t id) {
  if (streams_.empty()) deadline_ = SteadyTime::max();
  const auto [it, added] = streams_.try_emplace(id, head_limits_, peer_, context_.answers);
  it->second.begin = now_;
  it->second.deadline = now_ + context_.options.read_timeout;
}

bool Http2Session::CountRequest(Stream& stream) {
  const std::size_t bytes = stream.request_bytes();
  request_bytes_ += bytes - stream.counted_bytes;
  stream.counted_bytes = bytes;
  return request_charge_.Set(InSteps(request_bytes_, kFreeRequestBytes));
}

void Http2Session::TakeField(Stream& stream, std::string_view name, std::string_view value) {
  stream.fields.Add(name, value);
  if (!CountRequest(stream)) stream.fields.Refuse(TooManyBodies());
}

void Http2Session::TakeHead(std::int32_t id, Stream& stream) {
  stream.head_done = true;
  auto refusal = stream.fields.Finish(stream.head);
  stream.client.Find(context_, stream.head, now_);
  if (!refusal) {
    if (auto plan = PlanRequest(stream.head, context_.policy)) {
      stream.plan = *std::move(plan);
    } else {
      refusal = std::move(plan.error());
    }
  }
  if (!refusal && !peer_.slot.room_for_more()) {
    refusal = Refusal{503, "too many connections; try again later"};
  }
  if (!refusal) refusal = CountAgainstRate(context_, stream.client, now_);
  if (refusal) return Refuse(id, stream, *refusal);
  if (!stream.whole) unjudged_.push_back(id);
}

void Http2Session::JudgeHeads() {
  // Most bodies come with their header, and are here by now.
  for (const std::int32_t id : std::exchange(unjudged_, {})) {
    Stream* const stream = Find(id);
    if (stream != nullptr && !stream->whole && !stream->answered) JudgeHead(id, *stream);
  }
}

void Http2Session::JudgeHead(std::int32_t id, Stream& stream) {
  stream.judging = true;
  stream.deadline = SteadyTime::max();
  stream.id.Set(stream.plan.request_id, thread_->NextRequestNumber());
  if (auto response = AnswerWithoutHandler(context_, stream.plan)) {
    return Answer(id, stream, *std::move(response));
  }
  context_.handler.HandleHead(MakeRequest(stream.head, stream.plan, {}, stream.client, stream.id),
                              MakeRespond(id));
  if (stream.judging && !stream.answered) NoteWaiting(stream);
}

void Http2Session::NoteWaiting(Stream& stream) {
  stream.waited_for = true;
  context_.waiting_requests.fetch_add(1, std::memory_order_relaxed);
}

void Http2Session::Continue(std::int32_t id, Stream& stream) {
  stream.judging = false;
  OpenWindow(id, stream);
  if (!in_nghttp2_) SendSoon();
  if (stream.whole) return Dispatch(id, stream);
  now_ = steady_clock::now();
  stream.deadline = now_ + context_.options.read_timeout;
  if (!stream.plan.expects_continue || !stream.body.empty()) return;
  static char name[] = ":status";
  static char value[] = "100";
  const nghttp2_nv status = {reinterpret_cast<std::uint8_t*>(name),
                             reinterpret_cast<std::uint8_t*>(value), sizeof name - 1,
                             sizeof value - 1, NGHTTP2_NV_FLAG_NONE};
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, id, nullptr, &status, 1, nullptr);
}

void Http2Session::OpenWindow(std::int32_t id, Stream& stream) {
  const std::size_t bytes = std::exchange(stream.held_window, 0);
  if (bytes > 0) nghttp2_session_consume(session_.get(), id, bytes);
}

void Http2Session::TakeData(std::int32_t id, std::string_view bytes) {
  Stream* const stream = Find(id);
  if (stream != nullptr) TakeBody(id, *stream, bytes);
  if (stream != nullptr && stream->judging) {
    stream->held_window += bytes.size();
  } else {
    nghttp2_session_consume(session_.get(), id, bytes.size());
  }
}

void Http2Session::TakeBody(std::int32_t id, Stream& stream, std::string_view bytes) {
  if (stream.answered) return Drop(id, stream, bytes.size());
  const std::size_t limit = context_.policy.body_limit_bytes;
  if (bytes.size() > limit - stream.body.size()) {
    return Refuse(id, stream,
                  {413, "the body must be at most " + std::to_string(limit) + " bytes"});
  }
  if (request_bytes_ + bytes.size() > kBodiesAtOnce * limit + kFreeRequestBytes) {
    return Refuse(id, stream, TooManyBodies());
  }
  stream.body += bytes;
  if (!CountRequest(stream)) Refuse(id, stream, TooManyBodies());
}

void Http2Session::TakeEnd(std::int32_t id, Stream& stream) {
  stream.whole = true;
  if (!stream.answered && !stream.judging) Dispatch(id, stream);
}

void Http2Session::Dispatch(std::int32_t id, Stream& stream) {
  stream.deadline = SteadyTime::max();
  if (stream.id.empty()) stream.id.Set(stream.plan.request_id, thread_->NextRequestNumber());
  if (auto response = AnswerWithoutHandler(context_, stream.plan)) {
    return Answer(id, stream, *std::move(response));
  }
  context_.handler.Handle(
      MakeRequest(stream.head, stream.plan, stream.body, stream.client, stream.id),
      MakeRespond(id));
  if (!stream.answered) NoteWaiting(stream);
}

HttpHandler::Respond Http2Session::MakeRespond(std::int32_t id) {
  return [self = Self<Http2Session>(), id](HttpResponse response) mutable {
    IoThread& thread = *self->thread_;
    if (thread.IsCurrent()) {
      self->Respond(id, std::move(response));
    } else {
      thread.Deliver(std::move(self), id, std::move(response));
    }
  };
}

void Http2Session::Respond(std::int32_t id, HttpResponse response) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  Stream& stream = it->second;
  if (std::exchange(stream.waited_for, false)) {
    context_.waiting_requests.fetch_sub(1, std::memory_order_relaxed);
  }
  if (stream.closed) {
    LetGoOfRequest(stream);
    streams_.erase(it);
    if (is_talking() && streams_.empty()) SetIdleDeadline();
    return;
  }
  // Its body may have been refused meanwhile, for its length.
  if (stream.answered) return LetGoOfRequest(stream);
  if (stream.judging && response.status == 100) return Continue(id, stream);
  Answer(id, stream, std::move(response));
}

void Http2Session::Refuse(std::int32_t id, Stream& stream, const Refusal& refusal) {
  if (stream.answered) return;
  if (stream.id.empty()) {
    stream.id.Set(ClientRequestId(stream.head), thread_->NextRequestNumber());
  }
  Answer(id, stream, RefusalResponse(refusal, stream.client, stream.id));
}

void Http2Session::Answer(std::int32_t id, Stream& stream, HttpResponse response) {
  now_ = steady_clock::now();
  stream.answered = true;
  stream.judging = false;
  stream.answered_at = now_;
  stream.deadline = now_ + context_.options.write_timeout;
  const bool is_bodiless = IsBodiless(response.status, stream.head.method);
  if (is_bodiless) response.stream.Close();
  if (!is_bodiless) MakeRoomFor(stream, response);
  std::string head;
  const bool tells_id = stream.id.from_client() || response.status >= 400;
  AppendResponseHead(response, thread_->standard_fields(), ConnectionHeader::kNone,
                     tells_id ? stream.id.text() : std::string_view(), head);
  const std::size_t body_bytes = is_bodiless ? 0 : BodyOf(response).size();
  ObserveAnswer(context_, {.head = stream.head,
                           .version = "2",
                           .https = transport_.is_tls(),
                           .client = stream.client,
                           .id = stream.id,
                           .response = response,
                           .response_head = head,
                           .body_bytes = body_bytes,
                           .took = now_ - stream.begin});
  std::string status = std::to_string(response.status);
  const std::vector<nghttp2_nv> fields = FieldsOf(head, status);
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::ReadBody;
  const bool has_body = body_bytes > 0 || response.stream;
  if (body_bytes > 0) {
    stream.out_shared_body = std::move(response.shared_body);
    if (!stream.out_shared_body) stream.out_body = std::move(response.body);
  }
  if (response.stream) {
    stream.out_stream = std::move(response.stream);
    stream.out_stream.Attach(context_.answers, [self = Self<Http2Session>(), id] {
      self->thread_->Post([self, id] { self->OnStreamNews(id); });
    });
  }
  nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(),
                          has_body ? &provider : nullptr);
  LetGoOfRequest(stream);
  OpenWindow(id, stream);
  if (!in_nghttp2_) SendSoon();
}

void Http2Session::MakeRoomFor(Stream& stream, HttpResponse& response) {
  HoldAnswer(context_, stream.answer_charge, response);
  const std::size_t bytes = BodyOf(response).size();
  if (bytes > kLargeAnswerBytes) return;
  stream.counted_answer_bytes = bytes;
  answer_bytes_ += bytes;
  if (ChargeAnswers()) return;
  // The answer that says so is small, and a connection has only so many streams.
  answer_bytes_ -= std::exchange(stream.counted_answer_bytes, 0);
  RefuseAnswer(context_, response);
}

bool Http2Session::ChargeAnswers() {
  return answer_charge_.Set(
      InSteps(answer_bytes_ + (blocked_ ? out_.size() : 0), kFreeAnswerBytes));
}

void Http2Session::OnStreamNews(std::int32_t id) {
  Stream* const stream = is_talking() ? Find(id) : nullptr;
  if (stream == nullptr || !stream->out_stream) return;
  now_ = steady_clock::now();
  stream->deadline = now_ + context_.options.write_timeout;
  nghttp2_session_resume_data(session_.get(), id);
  Send();
}

void Http2Session::LetGoOfRequest(Stream& stream) {
  LetGo(stream.body);
  if (!stream.waited_for) {  // Otherwise the handler has views into it.
    stream.head = {};
    stream.fields.Clear();
  }
  CountRequest(stream);
}

void Http2Session::LetGoOfAnswer(Stream& stream) {
  LetGo(stream.out_body);
  stream.out_shared_body.reset();
  stream.out_stream.Close();
  stream.answer_charge.Release();
  answer_bytes_ -= std::exchange(stream.counted_answer_bytes, 0);
  ChargeAnswers();
}

bool Http2Session::IsTooSlow(const Stream& stream, SteadyTime now) const {
  return stream.answered && !stream.closed && !stream.resetting && !stream.unsent().empty() &&
         BlockedWrite::IsTooSlow(stream.sent, now - stream.answered_at);
}

void Http2Session::BeginDropping(Stream& stream) {
  stream.dropping = true;
  stream.drop_deadline = now_ + context_.options.read_timeout;
  stream.deadline = std::min(now_ + kDropPause, stream.drop_deadline);
  LetGoOfAnswer(stream);
}

void Http2Session::Drop(std::int32_t id, Stream& stream, std::size_t bytes) {
  stream.dropped_bytes += bytes;
  if (stream.dropped_bytes > kDropBytes || !budget_.TakeDropped(bytes, now_)) {
    return Reset(id, stream, NGHTTP2_NO_ERROR);
  }
  if (stream.dropping && !stream.resetting) {
    stream.deadline = std::min(now_ + kDropPause, stream.drop_deadline);
  }
}

void Http2Session::Reset(std::int32_t id, Stream& stream, std::uint32_t code) {
  if (std::exchange(stream.resetting, true)) return;
  stream.deadline = SteadyTime::max();
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, code);
}

bool Http2Session::OwesAnAnswer() const {
  return !std::ranges::all_of(
      streams_, [](const auto& entry) { return entry.second.dropping || entry.second.out_stream; });
}

void Http2Session::ObserveReset(Stream& stream) {
  if (stream.answered) return;
  stream.answered = true;
  stream.fields.Finish(stream.head);
  stream.id.Set(ClientRequestId(stream.head), thread_->NextRequestNumber());
  const HttpResponse response =
      RefusalResponse({400, "the request breaks the rules of HTTP/2"}, stream.client, stream.id);
  ObserveAnswer(context_, {.head = stream.head,
                           .version = "2",
                           .https = transport_.is_tls(),
                           .client = stream.client,
                           .id = stream.id,
                           .response = response,
                           .response_head = {},
                           .body_bytes = 0,
                           .took = now_ - stream.begin});
}

void Http2Session::OnStreamClosed(std::int32_t id) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  Stream& stream = it->second;
  // Of a stream that is over, only the connection's room is left.
  const std::size_t bytes = std::exchange(stream.held_window, 0);
  if (bytes > 0) nghttp2_session_consume_connection(session_.get(), bytes);
  LetGoOfAnswer(stream);
  if (stream.waited_for) {
    stream.closed = true;
    return;
  }
  LetGoOfRequest(stream);
  streams_.erase(it);
  if (streams_.empty()) SetIdleDeadline();
}

bool Http2Session::CheckStream(std::int32_t id, Stream& stream, SteadyTime now) {
  if (stream.closed) return true;
  if (!stream.answered) {
    if (!stream.head_done) {
      // Nothing else can come on this connection until the header is whole.
      Terminate(NGHTTP2_ENHANCE_YOUR_CALM);
      return false;
    }
    Refuse(id, stream, {408, "the request took too long to arrive"});
    return true;
  }
  if (stream.dropping) {
    // More of it may be here, and only wait for this thread.
    if (now < stream.drop_deadline && transport_.HasUnread()) {
      stream.deadline = std::min(now + kDropPause, stream.drop_deadline);
      return true;
    }
    // RFC 9113 section 8.1: the answer stands, and the rest of the request is not wanted.
    Reset(id, stream, NGHTTP2_NO_ERROR);
    return true;
  }
  const bool client_waits =
      nghttp2_session_get_stream_remote_window_size(session_.get(), id) <= 0 ||
      nghttp2_session_get_remote_window_size(session_.get()) <= 0;
  if (blocked_ || !client_waits) {
    stream.deadline = now + context_.options.write_timeout;
  } else {
    Reset(id, stream, NGHTTP2_CANCEL);
  }
  return true;
}

}  // namespace target_eye
