#include "http/session/session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "http/session/request_steps.h"
#include "http/wire/request_parser.h"
#include "http/wire/request_plan.h"
#include "http/wire/response_head.h"
#include "util/let_go.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kBodyRoomBytes = 1 << 10;  // Behind a header.
constexpr std::size_t kBodyReadBytes = 64 << 10;

static_assert(SessionInput::kIdleBytes == kFreeRequestBytes);

}  // namespace

Session::Session(std::shared_ptr<IoThread> thread, Peer peer)
    : LiveConnection(std::move(thread), std::move(peer)),
      scanner_(context_.head_limits),
      client_(peer_),
      charge_(context_.request_bytes),
      output_(context_.answers) {}

void Session::Begin(Transport transport) {
  now_ = steady_clock::now();
  Open(std::move(transport));
}

void Session::Start(Transport transport) {
  if (!peer_.slot.room_for_more()) {
    return Reject(std::move(transport), {503, "too many connections; try again later"});
  }
  peer_.slot.CountAsServed();
  Begin(std::move(transport));
  SetDeadline();
  Read();
}

void Session::Reject(Transport transport, const Refusal& refusal) {
  Begin(std::move(transport));
  request_begin_ = now_;
  Refuse(refusal);
  Advance();
}

void Session::SetDeadline() {
  switch (state_) {
    case State::kIdle:
      deadline_ = now_ + context_.options.keep_alive_timeout;
      break;
    case State::kHead:
    case State::kBody:
      deadline_ = arrival_begin_ + context_.options.read_timeout;
      break;
    case State::kJudging:
    case State::kHandling:
    case State::kStreaming:
    case State::kEnding:
      deadline_ = SteadyTime::max();
      break;
  }
}

void Session::CheckDeadline(SteadyTime now) {
  if (blocked_) {
    const bool is_tight = context_.answers.is_tight();
    if (!blocked_.IsOver(transport_, now, context_.options.write_timeout, is_tight)) return;
    if (is_tight) context_.metrics.AnswerDropped();
    return Close();
  }
  if (now < deadline_) return;
  if (state_ == State::kHead || state_ == State::kBody) {
    Refuse({408, "the request took too long to arrive"});
    Advance();
  } else {
    Close();
  }
}

void Session::Drain() {
  if (state_ == State::kStreaming) {
    // Whoever has not taken what there is, is not waited for.
    if (blocked_) return Close();
    output_.EndStream();
    Advance();
  } else if (blocked_) {
    closing_ = true;
  } else if (state_ == State::kIdle) {
    // A request that has arrived already is answered.
    if (!transport_.HasUnread()) Close();
  }
}

std::size_t Session::Cut() {
  const bool is_idle =
      state_ == State::kIdle || state_ == State::kEnding || state_ == State::kStreaming;
  const bool under_way = !is_idle || (blocked_ && state_ != State::kStreaming);
  Close();
  return under_way ? 1 : 0;
}

void Session::Read() {
  if (read_pending_) return;
  asio::mutable_buffer room;
  if (state_ == State::kBody && body_apart_ && !plan_.chunked) {
    body_read_at_ = body_.size();
    body_.resize(NextBodySize());
    room = asio::buffer(body_.data() + body_read_at_, body_.size() - body_read_at_);
  } else {
    const std::span<char> free = input_.Free();
    if (!Charge(body_.size())) return Advance();
    room = asio::buffer(free.data(), free.size());
  }
  read_pending_ = true;
  transport_.AsyncRead(room, [self = Self<Session>()](error_code error, std::size_t bytes) {
    self->OnRead(error, bytes);
  });
}

void Session::OnRead(error_code error, std::size_t bytes) {
  read_pending_ = false;
  if (!is_open()) return;
  now_ = steady_clock::now();
  if (state_ == State::kEnding) return LeaveToLingering();
  if (state_ == State::kBody && body_apart_ && !plan_.chunked) {
    body_.resize(body_read_at_ + bytes);
  } else {
    input_.Added(bytes);
  }
  if (state_ == State::kStreaming) {
    // Nothing more is wanted of this client, but it may go.
    if (error) Close();
    return;
  }
  if (error == asio::error::eof && (state_ == State::kHead || state_ == State::kBody)) {
    Refuse({400, "the request ended early"});
  } else if (error) {
    return Close();
  }
  Advance();
}

void Session::Advance() {
  if (blocked_) return;
  for (;;) {
    const bool more = AdvanceRequest();
    if (more && output_.TakesMore()) continue;
    if (!Flush()) return;
    switch (state_) {
      case State::kJudging:
      case State::kHandling:
      case State::kEnding:
        return;
      case State::kStreaming:
        // To hear when the client goes. What it sends is not wanted.
        if (input_.unread().empty()) Read();
        return;
      case State::kIdle:
      case State::kHead:
      case State::kBody:
        break;
    }
    if (closing_) return End();
    if (!more) return Read();
  }
}

bool Session::AdvanceRequest() {
  if (closing_) return false;
  bool more = false;
  in_advance_ = true;
  if (state_ == State::kIdle || state_ == State::kHead) {
    more = AdvanceHead();
  } else if (state_ == State::kBody) {
    more = AdvanceBody();
  }
  in_advance_ = false;
  return more;
}

bool Session::AdvanceHead() {
  if (auto refusal = CheckProtocol(input_.unread())) {
    if (state_ == State::kIdle) request_begin_ = now_;
    Refuse(*refusal);
    return false;
  }
  // RFC 9112 section 2.2: old clients send an empty line after a body. Half of one begins no
  // request.
  if (!skipped_empty_line_ && input_.unread() == "\r") return false;
  if (!skipped_empty_line_ && input_.unread().starts_with("\r\n")) {
    input_.Skip(2);
    skipped_empty_line_ = true;
  }
  if (input_.unread().empty()) return false;
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    request_begin_ = arrival_begin_ = now_;
    SetDeadline();
  }
  const auto scanned = scanner_.Scan(input_.unread());
  if (!scanned) {
    Refuse(scanned.error());
    return false;
  }
  if (*scanned == 0) return false;
  if (const auto refusal = TakeHead(*scanned)) {
    Refuse(*refusal);
    return false;
  }
  state_ = State::kBody;
  if (plan_.chunked) chunks_.Reset();
  return true;
}

std::optional<Refusal> Session::TakeHead(std::size_t head_bytes) {
  head_bytes_ = head_bytes;
  if (input_.room() - head_bytes < kBodyRoomBytes) {
    input_.MakeRoom(std::max(input_.room(), input_.unread().size() + kBodyRoomBytes));
  }
  const std::string_view head = input_.unread().substr(0, head_bytes);
  if (auto refusal = CheckHeadBytes(head)) return refusal;
  if (auto refusal = ParseRequestHead(head, head_)) return refusal;
  client_.Find(context_, head_, now_);
  auto plan = PlanRequest(head_, context_.policy);
  if (!plan) return std::move(plan.error());
  plan_ = *std::move(plan);
  return CountAgainstRate(context_, client_, now_);
}

// How large the body is to be for the next read.
std::size_t Session::NextBodySize() const {
  return std::min<std::size_t>(plan_.content_length, body_.size() + kBodyReadBytes);
}

bool Session::Charge(std::size_t body_bytes) {
  if (charge_.Set(input_.extra_bytes() + body_bytes)) return true;
  Refuse({503, "too many bodies are being received at once; try again in a moment"});
  return false;
}

bool Session::TakeBody() {
  const std::string_view here = input_.unread().substr(head_bytes_);
  if (plan_.chunked) {
    body_apart_ = true;
    const std::size_t taken = chunks_.Decode(here, context_.policy.body_limit_bytes, body_);
    // What is behind the body is the next request; it moves to behind the header.
    input_.Erase(head_bytes_, taken);
    return chunks_.done();
  }
  if (!body_apart_ && here.size() < plan_.content_length &&
      plan_.content_length > input_.room() - head_bytes_) {
    body_apart_ = true;
    body_.assign(here);
    input_.Erase(head_bytes_, here.size());
  }
  return (body_apart_ ? body_.size() : here.size()) >= plan_.content_length;
}

bool Session::AdvanceBody() {
  body_begun_ = body_begun_ || input_.unread().size() > head_bytes_;
  const bool is_whole = TakeBody();
  if (plan_.chunked && chunks_.refusal()) {
    Refuse(*chunks_.refusal());
    return false;
  }
  if (!is_whole) {
    // A body that needs no memory of its own is not worth the question.
    if (!judged_ && (plan_.expects_continue || body_apart_)) {
      JudgeHead();
      return state_ == State::kBody;
    }
    if (body_apart_) Charge(plan_.chunked ? body_.size() : NextBodySize());
    return false;
  }
  if (body_apart_ && !Charge(body_.size())) return false;
  Dispatch();
  return state_ != State::kHandling && state_ != State::kStreaming;
}

void Session::JudgeHead() {
  judged_ = true;
  state_ = State::kJudging;
  SetDeadline();
  request_id_.Set(plan_.request_id, thread_->NextRequestNumber());
  if (auto response = AnswerWithoutHandler(context_, plan_)) {
    return Respond(0, *std::move(response));
  }
  context_.handler.HandleHead(MakeRequest(head_, plan_, {}, client_, request_id_), MakeRespond());
  if (state_ == State::kJudging) NoteWaiting();
}

void Session::Dispatch() {
  state_ = State::kHandling;
  SetDeadline();
  if (request_id_.empty()) request_id_.Set(plan_.request_id, thread_->NextRequestNumber());
  if (auto response = AnswerWithoutHandler(context_, plan_)) return Answer(*std::move(response));
  const std::string_view body =
      body_apart_
          ? std::string_view(body_)
          : input_.unread().substr(head_bytes_, static_cast<std::size_t>(plan_.content_length));
  context_.handler.Handle(MakeRequest(head_, plan_, body, client_, request_id_), MakeRespond());
  if (state_ == State::kHandling) NoteWaiting();
}

void Session::NoteWaiting() {
  waited_for_ = true;
  context_.waiting_requests.fetch_add(1, std::memory_order_relaxed);
}

HttpHandler::Respond Session::MakeRespond() {
  // Small enough to be stored in a move_only_function without an allocation.
  return [self = Self<Session>()](HttpResponse response) mutable {
    IoThread& thread = *self->thread_;
    if (thread.IsCurrent()) {
      self->Respond(0, std::move(response));
    } else {
      thread.Deliver(std::move(self), 0, std::move(response));
    }
  };
}

void Session::Respond(std::int32_t, HttpResponse response) {
  if (std::exchange(waited_for_, false)) {
    context_.waiting_requests.fetch_sub(1, std::memory_order_relaxed);
  }
  if (!is_open()) return;
  if (state_ == State::kJudging && response.status == 100) {
    if (plan_.expects_continue && !body_begun_) {
      output_.text() += "HTTP/1.1 100 Continue\r\n\r\n";
    }
    state_ = State::kBody;
    now_ = arrival_begin_ = steady_clock::now();
    SetDeadline();
  } else if (state_ == State::kJudging || state_ == State::kHandling) {
    // What still comes of the body is no request.
    if (state_ == State::kJudging) closing_ = true;
    Answer(std::move(response));
  } else {
    return;
  }
  if (!in_advance_) Advance();
}

void Session::Answer(HttpResponse response) {
  now_ = steady_clock::now();
  const bool is_bodiless = IsBodiless(response.status, head_.method);
  if (is_bodiless) response.stream.Close();
  if (!is_bodiless) HoldAnswer(context_, output_.body_charge(), response);
  const bool is_stream = static_cast<bool>(response.stream);
  if (is_stream || !plan_.keep_alive || context_.stopping.load(std::memory_order_relaxed)) {
    closing_ = true;
  }
  auto connection = ConnectionHeader::kNone;
  if (is_stream && head_.version >= 11) {
    connection = ConnectionHeader::kCloseAfterChunks;
  } else if (closing_) {
    connection = ConnectionHeader::kClose;
  } else if (head_.version < 11) {
    connection = ConnectionHeader::kKeepAlive;
  }
  std::string& out = output_.text();
  const std::size_t begin = out.size();
  const bool tells_id = request_id_.from_client() || response.status >= 400;
  AppendResponseHead(response, thread_->standard_fields(), connection,
                     tells_id ? request_id_.text() : std::string_view(), out);
  ObserveAnswer(context_, {.head = head_,
                           .version = head_.version == 11 ? "1.1" : "1.0",
                           .https = transport_.is_tls(),
                           .client = client_,
                           .id = request_id_,
                           .response = response,
                           .response_head = std::string_view(out).substr(begin),
                           .body_bytes = is_bodiless ? 0 : BodyOf(response).size(),
                           .took = now_ - request_begin_});
  if (!is_bodiless) AddAnswer(std::move(response));
  if (state_ != State::kStreaming) EndRequest();
}

void Session::AddAnswer(HttpResponse response) {
  if (!response.stream) return output_.AddBody(std::move(response));
  state_ = State::kStreaming;
  SetDeadline();
  // All that it was asked is known.
  input_.Skip(head_bytes_ + (body_apart_ ? 0 : static_cast<std::size_t>(plan_.content_length)));
  input_.Shrink();
  LetGo(body_);
  charge_.Set(input_.extra_bytes());
  output_.AddStream(std::move(response), head_.version >= 11, [self = Self<Session>()] {
    self->thread_->Post([self] { self->OnStreamNews(); });
  });
}

void Session::OnStreamNews() {
  if (!is_open() || state_ != State::kStreaming) return;
  now_ = steady_clock::now();
  Advance();
}

void Session::Refuse(const Refusal& refusal) {
  closing_ = true;
  if (head_.method.empty()) {
    // For the logs: the request line as far as it came.
    std::string_view line = input_.unread().substr(0, input_.unread().find_first_of("\r\n"));
    const std::size_t method_end = std::min(line.find(' '), line.size());
    head_.method = line.substr(0, method_end);
    line.remove_prefix(std::min(method_end + 1, line.size()));
    head_.target = line.substr(0, line.find(' '));
  }
  if (request_id_.empty()) {
    request_id_.Set(ClientRequestId(head_), thread_->NextRequestNumber());
  }
  Answer(RefusalResponse(refusal, client_, request_id_));
}

void Session::EndRequest() {
  state_ = State::kIdle;
  SetDeadline();
  if (closing_) {
    // A read that is still under way may write to the memory of this request.
    if (!read_pending_) {
      LetGo(body_);
      charge_.Set(0);
    }
    return;
  }
  input_.Skip(head_bytes_);
  if (!body_apart_) input_.Skip(static_cast<std::size_t>(plan_.content_length));
  input_.Shrink();
  LetGo(body_);
  body_apart_ = false;
  charge_.Set(input_.extra_bytes());
  client_.Clear();
  request_id_.Clear();
  head_.Clear();
  plan_ = {};
  head_bytes_ = 0;
  judged_ = false;
  body_begun_ = false;
  scanner_.Reset();
  skipped_empty_line_ = false;
  request_begin_ = now_;
}

bool Session::Flush() {
  if (!is_open()) return false;
  std::size_t written = 0;
  switch (output_.Send(transport_, written)) {
    case SessionOutput::Progress::kAll:
      blocked_.End();
      if (state_ == State::kStreaming) EndRequest();
      return true;
    case SessionOutput::Progress::kWaiting:
      blocked_.End();
      return true;
    case SessionOutput::Progress::kDropped:
      context_.metrics.AnswerDropped();
      Close();
      return false;
    case SessionOutput::Progress::kFailed:
      Close();
      return false;
    case SessionOutput::Progress::kBlocked:
      break;
  }
  blocked_.Note(written, transport_, now_, context_.options.write_timeout);
  WaitWritable();
  return false;
}

void Session::WaitWritable() {
  transport_.WaitWritable([self = Self<Session>()](error_code failed) {
    if (!self->is_open()) return;
    self->now_ = steady_clock::now();
    if (failed) return self->Close();
    if (!self->Flush()) return;
    self->SetDeadline();
    self->Advance();
  });
}

void Session::End() {
  state_ = State::kEnding;
  SetDeadline();
  if (transport_.EndSending()) return Close();
  if (!read_pending_) return LeaveToLingering();
  // It has a part of this object's memory to write to.
  transport_.CancelWaits();
}

void Session::OnClose() {
  charge_.Set(0);
  output_.Clear();
}

}  // namespace target_eye
