#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/wire/request_head.h"

namespace target_eye {

// Takes the chunked transfer coding off a body (RFC 9112 section 7.1), in pieces of any size.
// Stricter than the RFC: no trailer fields, and no chunk line of more than 256 bytes. Chunk
// extensions must be well formed, and are dropped.
class ChunkDecoder {
 public:
  static constexpr std::size_t kMaxLineBytes = 256;  // With its CRLF.

  void Reset();

  // Appends to `body` what `input` holds of it, and returns how much of `input` was taken: all of
  // it, unless the body ended or is refused. A body of more than `limit_bytes` is refused with 413,
  // as soon as a chunk's size says so.
  std::size_t Decode(std::string_view input, std::size_t limit_bytes, std::string& body);

  bool done() const { return state_ == State::kDone; }
  const std::optional<Refusal>& refusal() const { return refusal_; }

 private:
  enum class State { kLine, kData, kDataCr, kDataLf, kEndCr, kEndLf, kDone, kRefused };

  void Refuse(int status, std::string message);
  void EndLine(std::size_t limit_bytes, std::size_t body_bytes);

  State state_ = State::kLine;
  std::uint64_t left_ = 0;  // Of the current chunk.
  std::size_t line_bytes_ = 0;
  char line_[kMaxLineBytes];
  std::optional<Refusal> refusal_;
};

}  // namespace target_eye
