#pragma once

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/testing/tls_server.h"

namespace target_eye {

// For tests: an HTTP/2 client that sends exactly the frames it is told to. nghttp2 is used to read
// response headers only.
class Http2Client {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  struct Response {
    int status = 0;
    std::map<std::string, std::string> fields;
    std::string body;
    bool ended = false;
    std::optional<std::uint32_t> reset;  // The code of RST_STREAM.
    int informational = 0;               // The last 1xx status.
  };

  // `before`: sent in the clear, before the handshake.
  explicit Http2Client(const std::string& address, const TestCertificate* certificate = nullptr,
                       std::string_view before = "")
      : tls_(address, {.alpn = "h2", .certificate = certificate}) {
    nghttp2_hd_inflate_new(&inflater_);
    tls_.raw().Send(before);
    EXPECT_TRUE(tls_.Handshake());
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(tls_.ssl(), &name, &size);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(name), size), "h2");
  }
  ~Http2Client() { nghttp2_hd_inflate_del(inflater_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  // The preface, with SETTINGS.
  void Start(std::string_view settings = "") {
    SendBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(NGHTTP2_SETTINGS, 0, 0, settings));
  }

  static std::string Number(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
    return text;
  }
  static std::string Frame(int type, int flags, std::int32_t stream, std::string_view payload) {
    return Number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
           Number(static_cast<std::uint32_t>(stream), 4) + std::string(payload);
  }
  static std::string Setting(int id, std::uint32_t value) {
    return Number(static_cast<std::uint64_t>(id), 2) + Number(value, 4);
  }
  // A header block of literals that are neither indexed nor compressed (RFC 7541 section 6.2.2).
  static std::string Block(const Fields& fields) {
    const auto text = [](std::string_view s) {
      std::string coded;
      if (s.size() < 127) {
        coded += static_cast<char>(s.size());
      } else {
        coded += '\x7f';
        std::size_t rest = s.size() - 127;
        for (; rest >= 128; rest >>= 7) coded += static_cast<char>(rest % 128 + 128);
        coded += static_cast<char>(rest);
      }
      return coded + std::string(s);
    };
    std::string block;
    for (const auto& [name, value] : fields) block += '\0' + text(name) + text(value);
    return block;
  }
  static Fields Request(std::string method, std::string path, const Fields& more = {}) {
    Fields fields = {{":method", std::move(method)},
                     {":scheme", "https"},
                     {":authority", "h"},
                     {":path", std::move(path)}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  }

  bool SendBytes(std::string_view bytes) { return tls_.Send(bytes); }
  bool Send(int type, int flags, std::int32_t stream, std::string_view payload) {
    return SendBytes(Frame(type, flags, stream, payload));
  }
  // The body of `stream`, as flow control allows. Gives false once the server does not want it, or
  // nothing more comes of it.
  bool SendBody(std::int32_t stream, std::string_view body, bool end = true) {
    static constexpr std::size_t kFrameBytes = 16 << 10;
    do {
      while (room(stream) == 0 && !body.empty()) {
        if (responses_[stream].reset || !ReadFrame()) return false;
      }
      if (responses_[stream].reset) return false;
      const std::size_t size = std::min({body.size(), kFrameBytes, room(stream)});
      TakeRoom(stream, size);
      const bool last = end && size == body.size();
      if (!Send(NGHTTP2_DATA, last ? NGHTTP2_FLAG_END_STREAM : 0, stream, body.substr(0, size))) {
        return false;
      }
      body.remove_prefix(size);
      while (tls_.HasInput()) {
        if (!ReadFrame()) return false;
      }
    } while (!body.empty());
    return true;
  }
  // DATA for a stream that is over, where only the connection's window counts. Gives false at the
  // end.
  bool SendStray(std::int32_t stream, std::size_t size) {
    while (windows_[0] < static_cast<std::int64_t>(size)) {
      if (!ReadFrame()) return false;
    }
    windows_[0] -= static_cast<std::int64_t>(size);
    return Send(NGHTTP2_DATA, 0, stream, std::string(size, 'x'));
  }
  // A request without a body; gives its stream.
  std::int32_t SendRequest(const Fields& fields, bool end = true) {
    const std::int32_t stream = std::exchange(next_stream_, next_stream_ + 2);
    windows_[stream] = kInitialWindow;
    Send(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0), stream,
         Block(fields));
    return stream;
  }
  std::int32_t Get(const std::string& path) { return SendRequest(Request("GET", path)); }

  // The response of `stream`, once it is whole or reset, or the connection has ended.
  Response Await(std::int32_t stream) {
    while (!responses_[stream].ended && !responses_[stream].reset && ReadFrame()) {
    }
    return responses_[stream];
  }
  // How much of a body the server takes at once.
  std::size_t room(std::int32_t stream) {
    return static_cast<std::size_t>(
        std::max<std::int64_t>(0, std::min(windows_[0], windows_[stream])));
  }
  // What has come of it so far.
  const Response& Peek(std::int32_t stream) { return responses_[stream]; }
  // The code with which the server resets `stream`.
  std::optional<std::uint32_t> AwaitReset(std::int32_t stream) {
    while (!responses_[stream].reset && ReadFrame()) {
    }
    return responses_[stream].reset;
  }
  // The code of the last GOAWAY, once the connection has ended.
  std::optional<std::uint32_t> AwaitEnd() {
    while (ReadFrame()) {
    }
    return goaway_;
  }
  std::optional<std::uint32_t> goaway() const { return goaway_; }
  // Reads what has come. Gives false once there is no use in sending more.
  bool IsOpen() {
    while (tls_.HasInput()) {
      if (!ReadFrame()) return false;
    }
    return !goaway_;
  }
  // Reads one frame. Gives false at the end.
  bool ReadFrame() {
    if (!Fill(9)) return false;
    const auto byte = [this](std::size_t i) { return static_cast<unsigned char>(got_[i]); };
    const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (!Fill(9 + size)) return false;
    const int type = byte(3);
    const int flags = byte(4);
    const std::int32_t stream = (byte(5) & 0x7f) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8);
    const std::string payload = got_.substr(9, size);
    got_.erase(0, 9 + size);
    Take(type, flags, stream, payload);
    return true;
  }
  // Whether flow control is left as it is.
  void KeepWindowsShut() { keep_windows_shut_ = true; }
  TlsClient& tls() { return tls_; }

 private:
  bool Fill(std::size_t bytes) {
    while (got_.size() < bytes) {
      const std::string more = tls_.Read();
      if (more.empty()) return false;
      got_ += more;
    }
    return true;
  }
  static std::uint32_t NumberAt(std::string_view text, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      value = value << 8 | static_cast<unsigned char>(text[i]);
    }
    return value;
  }
  void TakeRoom(std::int32_t stream, std::size_t size) {
    windows_[0] -= static_cast<std::int64_t>(size);
    windows_[stream] -= static_cast<std::int64_t>(size);
  }
  void Take(int type, int flags, std::int32_t stream, const std::string& payload) {
    Response& response = responses_[stream];
    switch (type) {
      case NGHTTP2_SETTINGS:
        if ((flags & NGHTTP2_FLAG_ACK) == 0) Send(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "");
        break;
      case NGHTTP2_HEADERS:
        TakeHeaders(payload, response);
        break;
      case NGHTTP2_DATA:
        response.body += payload;
        if (!keep_windows_shut_ && !payload.empty()) {
          SendBytes(Frame(NGHTTP2_WINDOW_UPDATE, 0, 0, Number(payload.size(), 4)) +
                    Frame(NGHTTP2_WINDOW_UPDATE, 0, stream, Number(payload.size(), 4)));
        }
        break;
      case NGHTTP2_WINDOW_UPDATE:
        windows_[stream] += NumberAt(payload, 0);
        return;
      case NGHTTP2_RST_STREAM:
        response.reset = NumberAt(payload, 0);
        return;
      case NGHTTP2_GOAWAY:
        goaway_ = NumberAt(payload, 4);
        return;
      default:
        return;
    }
    if (type != NGHTTP2_SETTINGS && (flags & NGHTTP2_FLAG_END_STREAM) != 0) response.ended = true;
  }
  void TakeHeaders(const std::string& payload, Response& response) {
    const auto* in = reinterpret_cast<const std::uint8_t*>(payload.data());
    std::size_t size = payload.size();
    for (;;) {
      nghttp2_nv field{};
      int flags = 0;
      const auto taken = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, size, 1);
      ASSERT_GE(taken, 0);
      in += taken;
      size -= static_cast<std::size_t>(taken);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
        if (name != ":status") {
          response.fields[name] = value;
        } else if (value.starts_with('1')) {
          response.informational = std::atoi(value.c_str());
        } else {
          response.status = std::atoi(value.c_str());
        }
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
  }

  TlsClient tls_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::string got_;
  std::int32_t next_stream_ = 1;
  std::map<std::int32_t, Response> responses_;
  // What may be sent; 0 is the connection.
  static constexpr std::int64_t kInitialWindow = 65535;
  std::map<std::int32_t, std::int64_t> windows_ = {{0, kInitialWindow}};
  std::optional<std::uint32_t> goaway_;
  bool keep_windows_shut_ = false;
};

}  // namespace target_eye
