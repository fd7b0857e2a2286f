#include "http/h2/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "http/h2/http2_callbacks.h"
#include "http/session/request_steps.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16 << 10;
// So that one connection with much to say does not keep the others of its thread waiting.
constexpr int kReadsAtOnce = 8;
constexpr std::size_t kGatheredBytes = 64 << 10;
constexpr std::size_t kKeptBytes = 16 << 10;

}  // namespace

Http2Session::Http2Session(std::shared_ptr<IoThread> thread, Peer peer)
    : LiveConnection(std::move(thread), std::move(peer)),
      head_limits_{context_.options.h2_max_header_list_size, context_.head_limits.target_bytes,
                   context_.head_limits.fields},
      request_charge_(context_.request_bytes),
      answer_charge_(context_.answers.own()),
      now_(steady_clock::now()) {}

Http2Session::~Http2Session() = default;

void Http2Session::FreeSession::operator()(nghttp2_session* session) const {
  nghttp2_session_del(session);
}

void Http2Session::Start(Transport transport) {
  Open(std::move(transport));
  if (peer_.slot.room_for_more()) peer_.slot.CountAsServed();
  if (!MakeSession()) return Close();
  SetIdleDeadline();
  if (Send()) Receive();
}

bool Http2Session::MakeSession() {
  session_.reset(Callbacks::NewSession(*this));
  if (!session_) return false;
  const auto setting = [](std::int32_t id, std::size_t value) {
    return nghttp2_settings_entry{id, static_cast<std::uint32_t>(value)};
  };
  const std::array settings = {
      setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, context_.options.h2_max_concurrent_streams),
      setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, context_.options.h2_max_inbound_frame_size),
      setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, context_.options.h2_max_header_list_size),
      setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
  };
  return nghttp2_submit_settings(session_.get(), NGHTTP2_FLAG_NONE, settings.data(),
                                 settings.size()) == 0;
}

void Http2Session::WaitReadable() {
  if (reading_) return;
  reading_ = true;
  transport_.WaitReadable([self = Self<Http2Session>()](error_code error) {
    self->reading_ = false;
    if (!self->is_open()) return;
    if (self->ending_) return self->LeaveToLingering();
    self->now_ = steady_clock::now();
    if (error) return self->Close();
    if (!self->blocked_) self->Receive();
  });
}

void Http2Session::Receive() {
  // Used up before another connection of this thread can read.
  thread_local std::array<char, kReadBytes> room;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    error_code error;
    const std::size_t bytes = transport_.Read(asio::buffer(room), error);
    if (error == asio::error::would_block) return WaitReadable();
    if (error) return Close();
    if (!TakeBytes({room.data(), bytes}) || !Send()) {
      return;
    }
  }
  reading_ = true;
  asio::post(thread_->io(), [self = Self<Http2Session>()] {
    self->reading_ = false;
    if (!self->is_open()) return;
    if (self->ending_) return self->LeaveToLingering();
    if (self->blocked_) return;
    self->now_ = steady_clock::now();
    self->Receive();
  });
}

bool Http2Session::TakeBytes(std::string_view bytes) {
  in_nghttp2_ = true;
  const auto taken = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  in_nghttp2_ = false;
  received_bytes_ += bytes.size();
  bool bounded = true;
  if (taken >= 0 && received_bytes_ > framed_bytes_) {
    // nghttp2 skips DATA of streams that are over without a word.
    bounded = budget_.TakeStray(received_bytes_ - framed_bytes_, now_);
    framed_bytes_ = received_bytes_;
  }
  if (taken >= 0 && bounded) {
    JudgeHeads();
    return is_open();
  }
  Log(LogLevel::kDebug, "HTTP/2 connection ended",
      {{"peer", peer_.client.text},
       {"reason", bounded ? nghttp2_strerror(static_cast<int>(taken))
                          : "too much for streams that are over"}});
  // A bad preface: whoever sent it does not speak HTTP/2.
  if (taken == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    Close();
    return false;
  }
  // Callbacks fail where a budget is used up.
  Terminate(!bounded || taken == NGHTTP2_ERR_CALLBACK_FAILURE || taken == NGHTTP2_ERR_FLOODED
                ? NGHTTP2_ENHANCE_YOUR_CALM
                : NGHTTP2_INTERNAL_ERROR);
  if (is_talking() && !blocked_) End();
  return false;
}

void Http2Session::FillOut() {
  in_nghttp2_ = true;
  while (out_.size() < kGatheredBytes) {
    const std::uint8_t* piece = nullptr;
    const auto size = nghttp2_session_mem_send(session_.get(), &piece);
    if (size <= 0) break;  // Below 0 it is out of memory.
    out_.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(size));
  }
  in_nghttp2_ = false;
}

bool Http2Session::Send() {
  if (blocked_ || in_nghttp2_ || !is_talking()) return false;
  for (;;) {
    if (out_.empty()) FillOut();
    if (out_.empty()) break;
    if (!Flush()) return false;
  }
  if (nghttp2_session_want_read(session_.get()) == 0 &&
      nghttp2_session_want_write(session_.get()) == 0) {
    End();
    return false;
  }
  return true;
}

bool Http2Session::Flush() {
  std::size_t written = 0;
  while (sent_ < out_.size()) {
    error_code error;
    const std::array<asio::const_buffer, 1> rest = {
        asio::buffer(out_.data() + sent_, out_.size() - sent_)};
    const std::size_t bytes = transport_.Write(rest, error);
    sent_ += bytes;
    written += bytes;
    if (error == asio::error::would_block) {
      blocked_.Note(written, transport_, now_, context_.options.write_timeout);
      if (!ChargeAnswers()) {
        context_.metrics.AnswerDropped();
        Close();
        return false;
      }
      WaitWritable();
      return false;
    }
    if (error) {
      Close();
      return false;
    }
  }
  sent_ = 0;
  out_.clear();
  if (out_.capacity() > kKeptBytes) out_.shrink_to_fit();
  if (blocked_) {
    blocked_.End();
    ChargeAnswers();
  }
  return true;
}

void Http2Session::WaitWritable() {
  transport_.WaitWritable([self = Self<Http2Session>()](error_code failed) {
    if (!self->is_open()) return;
    self->now_ = steady_clock::now();
    if (failed) return self->Close();
    if (!self->Flush()) return;
    self->SetIdleDeadline();
    if (self->Send() && !self->reading_) self->Receive();
  });
}

void Http2Session::SendSoon() {
  if (std::exchange(send_soon_, true)) return;
  // Not at once: answers often come many together.
  asio::post(thread_->io(), [self = Self<Http2Session>()] {
    self->send_soon_ = false;
    if (!self->is_talking()) return;
    self->now_ = steady_clock::now();
    self->Send();
  });
}

void Http2Session::Terminate(std::uint32_t code) {
  nghttp2_session_terminate_session(session_.get(), code);
  Send();
}

void Http2Session::SetIdleDeadline() {
  deadline_ = streams_.empty() ? now_ + context_.options.keep_alive_timeout : SteadyTime::max();
}

void Http2Session::CheckDeadline(SteadyTime now) {
  now_ = now;
  const auto self = shared_from_this();  // What is sent here may be the last thing, and close it.
  const bool is_tight = context_.answers.is_tight();
  if (blocked_) {
    if (blocked_.IsOver(transport_, now, context_.options.write_timeout, is_tight)) {
      if (is_tight) context_.metrics.AnswerDropped();
      return Close();
    }
  } else if (now >= deadline_) {
    return Terminate(NGHTTP2_NO_ERROR);
  }
  if (!is_talking()) return;
  for (auto it = streams_.begin(); it != streams_.end();) {
    const auto one = it++;
    Stream& stream = one->second;
    if (is_tight && IsTooSlow(stream, now)) {
      context_.metrics.AnswerDropped();
      Reset(one->first, stream, NGHTTP2_CANCEL);
    } else if (now >= stream.deadline && !CheckStream(one->first, stream, now)) {
      return;
    }
  }
  if (draining_ && !std::exchange(told_last_stream_, true)) {
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                          nullptr, 0);
  }
  if (nghttp2_session_want_write(session_.get()) != 0) Send();
  if (is_talking() && told_last_stream_ && !OwesAnAnswer()) Terminate(NGHTTP2_NO_ERROR);
}

void Http2Session::Drain() {
  if (!is_talking()) return;
  const auto self = shared_from_this();
  const bool is_owing = OwesAnAnswer() || transport_.HasUnread();
  bool is_streaming = false;
  for (auto& [id, stream] : streams_) {
    if (!stream.out_stream) continue;
    is_streaming = true;
    stream.out_stream.End();
    nghttp2_session_resume_data(session_.get(), id);
  }
  if (!is_owing && !is_streaming) return Terminate(NGHTTP2_NO_ERROR);
  // What the client sends before it has heard of it is still answered; the next tick says which
  // stream was the last.
  draining_ = true;
  nghttp2_submit_shutdown_notice(session_.get());
  Send();
}

std::size_t Http2Session::Cut() {
  std::size_t cut = 0;
  for (const auto& [id, stream] : streams_) {
    cut += stream.closed || stream.dropping || stream.out_stream ? 0 : 1;
  }
  Close();
  return cut;
}

void Http2Session::End() {
  ending_ = true;
  deadline_ = SteadyTime::max();
  if (transport_.EndSending()) return Close();
  if (!reading_) return LeaveToLingering();
  transport_.CancelWaits();
}

void Http2Session::OnClose() {
  // Those that are with the handler stay until it answers.
  std::erase_if(streams_, [](const auto& entry) { return !entry.second.waited_for; });
  for (auto& [id, stream] : streams_) stream.closed = true;
  request_charge_.Set(0);
  answer_charge_.Set(0);
}

}  // namespace target_eye
