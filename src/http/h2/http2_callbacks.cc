#include "http/h2/http2_callbacks.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

namespace target_eye {
namespace {

// A DATA frame below this that does not end its stream counts as one that brings nothing.
constexpr std::size_t kSmallDataBytes = 64;

constexpr std::size_t kFrameHeaderBytes = 9;

// Of 16 KiB each, mostly.
constexpr std::size_t kContinuationsOfAHeader = 32;

// After those of RFC 9113.
constexpr int kFirstUnknownType = NGHTTP2_CONTINUATION + 1;

std::string_view View(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

Http2Session& SessionOf(void* user) { return *static_cast<Http2Session*>(user); }

struct FreeCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};
struct FreeOption {
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
};

}  // namespace

nghttp2_session* Http2Session::Callbacks::NewSession(Http2Session& session) {
  static const std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks> callbacks = [] {
    nghttp2_session_callbacks* made = nullptr;
    if (nghttp2_session_callbacks_new(&made) != 0) made = nullptr;
    if (made != nullptr) {
      nghttp2_session_callbacks_set_on_begin_frame_callback(made, OnBeginFrame);
      nghttp2_session_callbacks_set_unpack_extension_callback(made, OnUnknownFrame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, OnBeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
      nghttp2_session_callbacks_set_on_invalid_header_callback(made, OnInvalidHeader);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, OnData);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, OnSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, OnStreamClose);
    }
    return std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks>(made);
  }();
  static const std::unique_ptr<nghttp2_option, FreeOption> option = [] {
    nghttp2_option* made = nullptr;
    if (nghttp2_option_new(&made) != 0) made = nullptr;
    // Streams that are over are of no use: there is no tree of priorities.
    if (made != nullptr) nghttp2_option_set_no_closed_streams(made, 1);
    // See Http2Session::TakeData.
    if (made != nullptr) nghttp2_option_set_no_auto_window_update(made, 1);
#ifdef TARGET_EYE_NGHTTP2_BOUNDS_CONTINUATIONS
    // So that a header that is too large is answered, and does not end the connection. More than
    // this does.
    if (made != nullptr) nghttp2_option_set_max_continuations(made, kContinuationsOfAHeader);
#endif
    // Without this, frames of unknown types would be skipped before OnBeginFrame counts them.
    for (int type = kFirstUnknownType; made != nullptr && type <= 0xff; ++type) {
      nghttp2_option_set_user_recv_extension_type(made, static_cast<std::uint8_t>(type));
    }
    return std::unique_ptr<nghttp2_option, FreeOption>(made);
  }();
  nghttp2_session* made = nullptr;
  if (!callbacks || !option ||
      nghttp2_session_server_new2(&made, callbacks.get(), &session, option.get()) != 0) {
    return nullptr;
  }
  return made;
}

int Http2Session::Callbacks::OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* frame,
                                          void* user) noexcept {
  Http2Session& session = SessionOf(user);
  const Stream* const stream = session.Find(frame->stream_id);
  session.framed_bytes_ += kFrameHeaderBytes + frame->length;
  bool allowed = true;
  switch (frame->type) {
    case NGHTTP2_HEADERS:
      break;
    case NGHTTP2_RST_STREAM:
      if (stream == nullptr || !stream->dropping) {
        allowed = session.budget_.TakeReset(session.now_);
      }
      break;
    case NGHTTP2_WINDOW_UPDATE:
      allowed = session.budget_.TakeWindowUpdate(session.now_);
      break;
    case NGHTTP2_DATA:
      if (frame->length < kSmallDataBytes && (frame->flags & NGHTTP2_FLAG_END_STREAM) == 0) {
        allowed = session.budget_.TakeFrame(session.now_);
      }
      break;
    default:
      allowed = session.budget_.TakeFrame(session.now_);
      break;
  }
  return allowed ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Http2Session::Callbacks::OnUnknownFrame(nghttp2_session*, void**, const nghttp2_frame_hd*,
                                            void*) noexcept {
  return NGHTTP2_ERR_CANCEL;
}

int Http2Session::Callbacks::OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame,
                                            void* user) noexcept {
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) SessionOf(user).Begin(frame->hd.stream_id);
  return 0;
}

int Http2Session::Callbacks::OnHeader(nghttp2_session*, const nghttp2_frame* frame,
                                      const std::uint8_t* name, std::size_t name_size,
                                      const std::uint8_t* value, std::size_t value_size,
                                      std::uint8_t, void* user) noexcept {
  Stream* const stream = SessionOf(user).Find(frame->hd.stream_id);
  if (stream != nullptr && !stream->head_done) {
    SessionOf(user).TakeField(*stream, View(name, name_size), View(value, value_size));
  }
  return 0;
}

int Http2Session::Callbacks::OnInvalidHeader(nghttp2_session* nghttp2, const nghttp2_frame* frame,
                                             const std::uint8_t* name, std::size_t name_size,
                                             const std::uint8_t* value, std::size_t value_size,
                                             std::uint8_t flags, void* user) noexcept {
  // The gate says what is wrong with it; what it has nothing against is still not for us.
  OnHeader(nghttp2, frame, name, name_size, value, value_size, flags, user);
  Stream* const stream = SessionOf(user).Find(frame->hd.stream_id);
  if (stream != nullptr && !stream->head_done) {
    stream->fields.Refuse({400, "a header field has a name or value that is not allowed"});
  }
  return 0;
}

int Http2Session::Callbacks::OnFrame(nghttp2_session*, const nghttp2_frame* frame,
                                     void* user) noexcept {
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  Http2Session& session = SessionOf(user);
  const std::int32_t id = frame->hd.stream_id;
  Stream* const stream = session.Find(id);
  if (stream == nullptr) return 0;
  const bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame->hd.type == NGHTTP2_HEADERS) {
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      stream->whole = end;
      session.TakeHead(id, *stream);
    } else {
      session.Refuse(id, *stream, {400, "trailers are not accepted"});
    }
  }
  if (end) session.TakeEnd(id, *stream);
  return 0;
}

int Http2Session::Callbacks::OnData(nghttp2_session*, std::uint8_t, std::int32_t id,
                                    const std::uint8_t* data, std::size_t size,
                                    void* user) noexcept {
  SessionOf(user).TakeData(id, View(data, size));
  return 0;
}

int Http2Session::Callbacks::OnSent(nghttp2_session* nghttp2, const nghttp2_frame* frame,
                                    void* user) noexcept {
  Http2Session& session = SessionOf(user);
  const std::int32_t id = frame->hd.stream_id;
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    if (frame->rst_stream.error_code == NGHTTP2_NO_ERROR) return 0;
    if (Stream* const stream = session.Find(id)) session.ObserveReset(*stream);
    if (!session.budget_.TakeReset(session.now_)) {
      nghttp2_session_terminate_session(nghttp2, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    return 0;
  }
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
                    (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA);
  Stream* const stream = ends ? session.Find(id) : nullptr;
  if (stream != nullptr && !stream->whole) session.BeginDropping(*stream);
  return 0;
}

int Http2Session::Callbacks::OnStreamClose(nghttp2_session*, std::int32_t id, std::uint32_t,
                                           void* user) noexcept {
  SessionOf(user).OnStreamClosed(id);
  return 0;
}

ssize_t Http2Session::Callbacks::ReadBody(nghttp2_session*, std::int32_t id, std::uint8_t* room,
                                          std::size_t size, std::uint32_t* flags,
                                          nghttp2_data_source*, void* user) noexcept {
  Http2Session& session = SessionOf(user);
  Stream* const stream = session.Find(id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  const std::string_view unsent = stream->unsent();
  std::size_t bytes = std::min(size, unsent.size());
  std::memcpy(room, unsent.data(), bytes);
  stream->sent += bytes;
  bool is_end = bytes == unsent.size();
  if (is_end && stream->out_stream) {
    const StreamReader::Piece piece =
        stream->out_stream.Read({reinterpret_cast<char*>(room) + bytes, size - bytes});
    // So that the client does not take what it has for all.
    if (piece.state == StreamReader::State::kBroken) {
      session.context_.metrics.AnswerDropped();
      return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    bytes += piece.bytes;
    is_end = piece.state == StreamReader::State::kEnded;
    if (bytes == 0 && !is_end) {
      stream->deadline = SteadyTime::max();
      return NGHTTP2_ERR_DEFERRED;
    }
  }
  stream->deadline = session.now_ + session.context_.options.write_timeout;
  session.budget_.CountSent(bytes);
  if (is_end) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(bytes);
}

}  // namespace target_eye
