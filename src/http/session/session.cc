#include "http/session/session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cstring>
#include <utility>

#include "http/net/lingering.h"
#include "http/session/request_steps.h"
#include "http/wire/request_parser.h"
#include "http/wire/request_plan.h"
#include "http/wire/response_head.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kBufferBytes = 4 << 10;    // While a connection is idle.
constexpr std::size_t kBodyRoomBytes = 1 << 10;  // Behind a header.
constexpr std::size_t kBodyReadBytes = 64 << 10;

}  // namespace

Session::Session(std::shared_ptr<IoThread> thread, Peer peer)
    : thread_(std::move(thread)),
      context_(thread_->context()),
      peer_(std::move(peer)),
      transport_(thread_->io()),
      scanner_(context_.head_limits),
      client_(peer_),
      body_charge_(context_.buffers) {}

void Session::Open(Transport transport) {
  self_ = std::static_pointer_cast<Session>(shared_from_this());
  thread_->Add(*this);
  now_ = steady_clock::now();
  transport_ = std::move(transport);
  MakeRoom(kBufferBytes);
}

void Session::Start(Transport transport) {
  if (!peer_.slot.room_for_more()) {
    return Reject(std::move(transport), {503, "too many connections; try again later"});
  }
  peer_.slot.CountAsServed();
  Open(std::move(transport));
  SetDeadline();
  Read();
}

void Session::Reject(Transport transport, const Refusal& refusal) {
  Open(std::move(transport));
  request_begin_ = now_;
  Refuse(refusal);
  Advance();
}

void Session::MakeRoom(std::size_t bytes) {
  const std::size_t size = end_ - begin_;
  if (capacity_ < bytes) {
    auto bigger = std::make_unique_for_overwrite<char[]>(bytes);
    if (size > 0) std::memcpy(bigger.get(), buffer_.get() + begin_, size);
    buffer_ = std::move(bigger);
    capacity_ = bytes;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, size);
  }
  begin_ = 0;
  end_ = size;
}

void Session::SetDeadline() {
  if (write_blocked_) return;
  switch (state_) {
    case State::kIdle:
      deadline_ = now_ + context_.options.keep_alive_timeout;
      break;
    case State::kHead:
    case State::kBody:
      deadline_ = arrival_begin_ + context_.options.read_timeout;
      break;
    case State::kExpecting:
    case State::kHandling:
    case State::kEnding:
    case State::kClosed:
      deadline_ = SteadyTime::max();
      break;
  }
}

void Session::CheckDeadline(SteadyTime now) {
  if (now < deadline_) return;
  if (write_blocked_) {
    const std::size_t queued = transport_.Queued();
    if (queued >= queued_) return Close();
    queued_ = queued;
    deadline_ = now + context_.options.write_timeout;
    return;
  }
  if (state_ == State::kHead || state_ == State::kBody) {
    Refuse({408, "the request took too long to arrive"});
    Advance();
  } else {
    Close();
  }
}

void Session::Drain() {
  if (write_blocked_) {
    closing_ = true;
  } else if (state_ == State::kIdle) {
    // A request that has arrived already is answered.
    if (!transport_.HasUnread()) Close();
  }
}

std::size_t Session::Cut() {
  const bool under_way = write_blocked_ || state_ == State::kHead || state_ == State::kBody ||
                         state_ == State::kExpecting || state_ == State::kHandling;
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
    if (end_ == capacity_) MakeRoom(begin_ > 0 ? capacity_ : capacity_ * 2);
    room = asio::buffer(buffer_.get() + end_, capacity_ - end_);
  }
  read_pending_ = true;
  transport_.AsyncRead(
      room, [self = self_](error_code error, std::size_t bytes) { self->OnRead(error, bytes); });
}

void Session::OnRead(error_code error, std::size_t bytes) {
  read_pending_ = false;
  if (state_ == State::kClosed) return;
  now_ = steady_clock::now();
  if (state_ == State::kEnding) return HandOver();
  if (state_ == State::kBody && body_apart_ && !plan_.chunked) {
    body_.resize(body_read_at_ + bytes);
  } else {
    end_ += bytes;
  }
  if (error == asio::error::eof && (state_ == State::kHead || state_ == State::kBody)) {
    Refuse({400, "the request ended early"});
  } else if (error) {
    return Close();
  }
  Advance();
}

void Session::Advance() {
  if (write_blocked_) return;
  for (;;) {
    bool more = false;
    if (!closing_) {
      in_advance_ = true;
      if (state_ == State::kIdle || state_ == State::kHead) {
        more = AdvanceHead();
      } else if (state_ == State::kBody) {
        more = AdvanceBody();
      }
      in_advance_ = false;
    }
    if (more && output_.TakesMore()) continue;
    if (!Flush()) return;
    if (state_ == State::kExpecting || state_ == State::kHandling || state_ == State::kEnding) {
      return;
    }
    if (closing_) return End();
    if (!more) return Read();
  }
}

bool Session::AdvanceHead() {
  if (auto refusal = CheckProtocol(unread())) {
    if (state_ == State::kIdle) request_begin_ = now_;
    Refuse(*refusal);
    return false;
  }
  // RFC 9112 section 2.2: old clients send an empty line after a body. Half of one begins no
  // request.
  if (!skipped_empty_line_ && unread() == "\r") return false;
  if (!skipped_empty_line_ && unread().starts_with("\r\n")) {
    begin_ += 2;
    skipped_empty_line_ = true;
  }
  if (begin_ == end_) return false;
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    request_begin_ = arrival_begin_ = now_;
    SetDeadline();
  }
  const auto scanned = scanner_.Scan(unread());
  if (!scanned) {
    Refuse(scanned.error());
    return false;
  }
  if (*scanned == 0) return false;
  head_bytes_ = *scanned;
  if (capacity_ - begin_ - head_bytes_ < kBodyRoomBytes) {
    MakeRoom(std::max(capacity_, unread().size() + kBodyRoomBytes));
  }
  const std::string_view head = unread().substr(0, head_bytes_);
  auto refusal = CheckHeadBytes(head);
  if (!refusal) refusal = ParseRequestHead(head, head_);
  if (!refusal) {
    client_.Find(context_, head_, now_);
    if (auto plan = PlanRequest(head_, context_.policy)) {
      plan_ = *std::move(plan);
    } else {
      refusal = std::move(plan.error());
    }
  }
  if (!refusal) refusal = CountAgainstRate(context_, client_, now_);
  if (refusal) {
    Refuse(*std::move(refusal));
    return false;
  }
  state_ = State::kBody;
  if (plan_.chunked) chunks_.Reset();
  if (plan_.has_body() && plan_.expects_continue && unread().size() == head_bytes_) {
    DispatchExpect();
    return state_ == State::kBody;
  }
  return true;
}

void Session::DispatchExpect() {
  state_ = State::kExpecting;
  SetDeadline();
  request_id_.Set(plan_.request_id, thread_->NextRequestNumber());
  if (auto response = AnswerWithoutHandler(context_, plan_)) {
    return Respond(0, *std::move(response));
  }
  context_.handler.HandleExpect(MakeRequest(head_, plan_, {}, client_, request_id_), MakeRespond());
  if (state_ == State::kExpecting) {
    waited_for_ = true;
    context_.waiting_requests.fetch_add(1, std::memory_order_relaxed);
  }
}

// How large the body is to be for the next read.
std::size_t Session::NextBodySize() const {
  return std::min<std::size_t>(plan_.content_length, body_.size() + kBodyReadBytes);
}

bool Session::ChargeBody(std::size_t bytes) {
  if (body_charge_.Set(bytes)) return true;
  Refuse({503, "too many bodies are being received at once; try again in a moment"});
  return false;
}

bool Session::AdvanceBody() {
  const std::size_t body_begin = begin_ + head_bytes_;
  const std::string_view here(buffer_.get() + body_begin, end_ - body_begin);
  if (plan_.chunked) {
    body_apart_ = true;
    const std::size_t taken = chunks_.Decode(here, context_.policy.body_limit_bytes, body_);
    if (chunks_.refusal()) {
      Refuse(*chunks_.refusal());
      return false;
    }
    // What is behind the body is the next request; it moves to behind the header.
    std::memmove(buffer_.get() + body_begin, here.data() + taken, here.size() - taken);
    end_ -= taken;
    if (!ChargeBody(body_.size())) return false;
    if (!chunks_.done()) return false;
  } else if (!body_apart_ && here.size() < plan_.content_length) {
    if (plan_.content_length <= capacity_ - body_begin) return false;
    body_apart_ = true;
    body_.assign(here);
    end_ = body_begin;
    ChargeBody(NextBodySize());
    return false;
  } else if (body_apart_ && body_.size() < plan_.content_length) {
    ChargeBody(NextBodySize());
    return false;
  }
  Dispatch();
  return state_ != State::kHandling;
}

void Session::Dispatch() {
  state_ = State::kHandling;
  SetDeadline();
  if (request_id_.empty()) request_id_.Set(plan_.request_id, thread_->NextRequestNumber());
  if (auto response = AnswerWithoutHandler(context_, plan_)) return Answer(*std::move(response));
  const std::string_view body =
      body_apart_ ? std::string_view(body_)
                  : std::string_view(buffer_.get() + begin_ + head_bytes_,
                                     static_cast<std::size_t>(plan_.content_length));
  context_.handler.Handle(MakeRequest(head_, plan_, body, client_, request_id_), MakeRespond());
  if (state_ == State::kHandling) {
    waited_for_ = true;
    context_.waiting_requests.fetch_add(1, std::memory_order_relaxed);
  }
}

HttpHandler::Respond Session::MakeRespond() {
  // Small enough to be stored in a move_only_function without an allocation.
  return [self = self_](HttpResponse response) mutable {
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
  if (state_ == State::kExpecting && response.status == 100) {
    output_.text() += "HTTP/1.1 100 Continue\r\n\r\n";
    state_ = State::kBody;
    now_ = arrival_begin_ = steady_clock::now();
    SetDeadline();
  } else if (state_ == State::kExpecting || state_ == State::kHandling) {
    // Who has not waited may have begun with the body: what comes is no request.
    if (state_ == State::kExpecting) closing_ = true;
    Answer(std::move(response));
  } else {
    return;
  }
  if (!in_advance_) Advance();
}

void Session::Answer(HttpResponse response) {
  now_ = steady_clock::now();
  if (!plan_.keep_alive || context_.stopping.load(std::memory_order_relaxed)) closing_ = true;
  auto connection = ConnectionHeader::kNone;
  if (closing_) {
    connection = ConnectionHeader::kClose;
  } else if (head_.version < 11) {
    connection = ConnectionHeader::kKeepAlive;
  }
  std::string& out = output_.text();
  const std::size_t begin = out.size();
  const bool tells_id = request_id_.from_client() || response.status >= 400;
  AppendResponseHead(response, thread_->standard_fields(), connection,
                     tells_id ? request_id_.text() : std::string_view(), out);
  const std::string_view body =
      IsBodiless(response.status, head_.method) ? std::string_view() : BodyOf(response);
  ObserveAnswer(context_, {.head = head_,
                           .version = head_.version == 11 ? "1.1" : "1.0",
                           .https = transport_.is_tls(),
                           .client = client_,
                           .id = request_id_,
                           .response = response,
                           .response_head = std::string_view(out).substr(begin),
                           .body_bytes = body.size(),
                           .took = now_ - request_begin_});
  if (!body.empty()) output_.AddBody(std::move(response));
  EndRequest();
}

void Session::Refuse(const Refusal& refusal) {
  closing_ = true;
  if (head_.method.empty()) {
    // For the logs: the request line as far as it came.
    std::string_view line = unread().substr(0, unread().find_first_of("\r\n"));
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
      body_ = {};
      body_charge_.Set(0);
    }
    return;
  }
  begin_ += head_bytes_;
  if (!body_apart_) begin_ += static_cast<std::size_t>(plan_.content_length);
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > kBufferBytes) {
      buffer_ = std::make_unique_for_overwrite<char[]>(kBufferBytes);
      capacity_ = kBufferBytes;
    }
  }
  if (body_apart_) {
    body_.clear();
    if (body_.capacity() > kKeptBytes) body_.shrink_to_fit();
    body_apart_ = false;
    body_charge_.Set(0);
  }
  client_.Clear();
  request_id_.Clear();
  head_.Clear();
  plan_ = {};
  head_bytes_ = 0;
  scanner_.Reset();
  skipped_empty_line_ = false;
  request_begin_ = now_;
}

bool Session::Flush() {
  if (state_ == State::kClosed) return false;
  bool moved = !write_blocked_;
  switch (output_.Send(transport_, moved)) {
    case SessionOutput::Progress::kAll:
      return true;
    case SessionOutput::Progress::kFailed:
      Close();
      return false;
    case SessionOutput::Progress::kBlocked:
      break;
  }
  // As long as the client takes something, it may take its time.
  if (moved) {
    deadline_ = now_ + context_.options.write_timeout;
    queued_ = transport_.Queued();
  }
  write_blocked_ = true;
  transport_.WaitWritable([self = self_](error_code failed) {
    if (self->state_ == State::kClosed) return;
    self->now_ = steady_clock::now();
    if (failed) return self->Close();
    self->OnWritable();
  });
  return false;
}

void Session::OnWritable() {
  if (!Flush()) return;
  write_blocked_ = false;
  SetDeadline();
  Advance();
}

void Session::End() {
  state_ = State::kEnding;
  SetDeadline();
  if (transport_.EndSending()) return Close();
  if (!read_pending_) return HandOver();
  // It has a part of this object's memory to write to.
  transport_.CancelWaits();
}

void Session::HandOver() {
  const auto lingering = std::make_shared<Lingering>(thread_, std::move(peer_.slot));
  Transport transport = std::move(transport_);
  Close();
  lingering->Start(std::move(transport));
}

void Session::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  unlink();
  transport_.Close();
  body_charge_.Set(0);
  peer_.slot.Release();
  self_.reset();  // May be the last that held this object.
}

}  // namespace target_eye
