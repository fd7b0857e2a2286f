#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string_view>

#include "http/wire/request_head.h"

namespace target_eye {

// What decides whether a request is let in, and how it is framed. Beast's parser alone takes
// messages that two programs in a row may understand as different requests; everything doubtful is
// refused here, before it or after it. Nothing here does I/O; each function and object may be used
// by one thread.

struct HeadLimits {
  std::size_t header_bytes = 16 << 10;  // The request line and header, with the empty line.
  std::size_t target_bytes = 8 << 10;
  std::size_t fields = 100;
};

// Finds the end of a header while it arrives. Lines must end with CR LF, and no CR or LF may stand
// anywhere else.
class HeadScanner {
 public:
  explicit HeadScanner(const HeadLimits& limits) : limits_(limits) {}

  void Reset();

  // `bytes`: all that has arrived, from the request's first byte on. Returns the length of the
  // header with its empty line, 0 while it is not whole, or why it is refused: the same for the
  // same bytes, in whatever pieces they arrive.
  std::expected<std::size_t, Refusal> Scan(std::string_view bytes);

 private:
  std::optional<Refusal> CheckLine(std::string_view line, bool whole) const;

  HeadLimits limits_;
  std::size_t line_start_ = 0;
  std::size_t searched_ = 0;
  std::size_t lines_ = 0;
};

// Why what begins with `bytes` is no request of HTTP/1: another protocol, which is named. The bytes
// that tell it may come later; nothing is found then, as for what is a request. Only a binary
// header of the PROXY protocol has to be there in one piece.
std::optional<Refusal> CheckProtocol(std::string_view bytes);

// The part of it that is about the PROXY protocol; this many bytes are enough to tell.
inline constexpr std::size_t kProxyHeaderBytes = 16;
std::optional<Refusal> CheckProxyHeader(std::string_view bytes);

// Whether a request's target is printable ASCII without a fragment, and its `%` are in place.
std::optional<Refusal> CheckTargetBytes(std::string_view target);

// Whether every byte of a whole header is where RFC 9112 sections 2-5 allow it: `head` as
// HeadScanner found it.
std::optional<Refusal> CheckHeadBytes(std::string_view head);

}  // namespace target_eye
