#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <span>
#include <utility>

#include "http/net/lingering.h"
#include "http/session/request_steps.h"
#include "http/session/session.h"
#include "http/wire/response_head.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

// A body of more than this is sent from where it is, a smaller one is copied behind its header.
constexpr std::size_t kCopiedBodyBytes = 16 << 10;

}  // namespace

void Session::Answer(HttpResponse response) {
  now_ = steady_clock::now();
  if (!plan_.keep_alive || context_.stopping.load(std::memory_order_relaxed)) closing_ = true;
  auto connection = ConnectionHeader::kNone;
  if (closing_) {
    connection = ConnectionHeader::kClose;
  } else if (head_.version < 11) {
    connection = ConnectionHeader::kKeepAlive;
  }
  const std::size_t begin = out_.size();
  const bool tells_id = request_id_.from_client() || response.status >= 400;
  AppendResponseHead(response, thread_->standard_fields(), connection,
                     tells_id ? request_id_.text() : std::string_view(), out_);
  const std::string_view body =
      IsBodiless(response.status, head_.method) ? std::string_view() : BodyOf(response);
  ObserveAnswer(context_, {.head = head_,
                           .version = head_.version == 11 ? "1.1" : "1.0",
                           .https = transport_.is_tls(),
                           .client = client_,
                           .id = request_id_,
                           .response = response,
                           .response_head = std::string_view(out_).substr(begin),
                           .body_bytes = body.size(),
                           .took = now_ - request_begin_});
  if (body.size() <= kCopiedBodyBytes) {
    out_ += body;
  } else if (response.shared_body) {
    out_shared_body_ = std::move(response.shared_body);
  } else {
    out_body_ = std::move(response.body);
  }
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

bool Session::Flush() {
  if (state_ == State::kClosed) return false;
  const std::string_view body = out_body();
  bool moved = !write_blocked_;
  while (sent_ < out_.size() + body.size()) {
    error_code error;
    const std::size_t head = std::min(sent_, out_.size());
    const std::array<asio::const_buffer, 2> parts = {
        asio::buffer(out_.data() + head, out_.size() - head),
        asio::buffer(body.data() + (sent_ - head), body.size() - (sent_ - head))};
    const std::size_t n = transport_.Write(std::span(parts).first(body.empty() ? 1 : 2), error);
    sent_ += n;
    moved = moved || n > 0;
    if (error == asio::error::would_block) {
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
    if (error) {
      Close();
      return false;
    }
  }
  if (sent_ > 0) {
    sent_ = 0;
    out_.clear();
    if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
    out_body_ = {};
    out_shared_body_.reset();
  }
  return true;
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
