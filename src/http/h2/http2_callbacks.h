#pragma once

#include <nghttp2/nghttp2.h>

#include "http/h2/http2_session.h"

namespace target_eye {

// nghttp2's view of a session: what it calls for each frame, as static functions. None may throw.
struct Http2Session::Callbacks {
  // Null if there is no memory.
  static nghttp2_session* NewSession(Http2Session& session);

  static int OnBeginFrame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) noexcept;
  // Frames of types that nobody has told us of are skipped (RFC 9113 section 5.5).
  static int OnUnknownFrame(nghttp2_session*, void** payload, const nghttp2_frame_hd* frame,
                            void* user) noexcept;
  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t flags, void* user) noexcept;
  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                             std::size_t name_size, const std::uint8_t* value,
                             std::size_t value_size, std::uint8_t flags, void* user) noexcept;
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int OnData(nghttp2_session*, std::uint8_t flags, std::int32_t id, const std::uint8_t* data,
                    std::size_t size, void* user) noexcept;
  static int OnSent(nghttp2_session*, const nghttp2_frame* frame, void* user) noexcept;
  static int OnStreamClose(nghttp2_session*, std::int32_t id, std::uint32_t error,
                           void* user) noexcept;
  // The next piece of a response's body.
  static ssize_t ReadBody(nghttp2_session*, std::int32_t id, std::uint8_t* room, std::size_t size,
                          std::uint32_t* flags, nghttp2_data_source*, void* user) noexcept;
};

}  // namespace target_eye
