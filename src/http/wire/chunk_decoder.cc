#include "http/wire/chunk_decoder.h"

#include <algorithm>

#include "http/wire/chars.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

// The end of the quoted string that begins at text[0], or npos.
std::size_t EndOfQuoted(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
    if (i == text.size()) break;
    if (!IsFieldValueChar(text[i]) || static_cast<unsigned char>(text[i]) >= 0x80) break;
  }
  return std::string_view::npos;
}

void SkipSpace(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

bool TakeToken(std::string_view& text) {
  std::size_t n = 0;
  while (n < text.size() && IsTokenChar(text[n])) ++n;
  text.remove_prefix(n);
  return n > 0;
}

// chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
bool IsChunkExtension(std::string_view text) {
  while (!text.empty()) {
    SkipSpace(text);
    if (text.empty() || text.front() != ';') return false;
    text.remove_prefix(1);
    SkipSpace(text);
    if (!TakeToken(text)) return false;
    std::string_view after = text;
    SkipSpace(after);
    if (after.empty() || after.front() != '=') continue;
    text = after.substr(1);
    SkipSpace(text);
    if (!text.empty() && text.front() == '"') {
      const std::size_t end = EndOfQuoted(text);
      if (end == std::string_view::npos) return false;
      text.remove_prefix(end);
    } else if (!TakeToken(text)) {
      return false;
    }
  }
  return true;
}

}  // namespace

void ChunkDecoder::Reset() {
  state_ = State::kLine;
  left_ = 0;
  line_bytes_ = 0;
  refusal_.reset();
}

void ChunkDecoder::Refuse(int status, std::string message) {
  state_ = State::kRefused;
  refusal_ = Refusal{status, std::move(message)};
}

void ChunkDecoder::EndLine(std::size_t limit_bytes, std::size_t body_bytes) {
  std::string_view line(line_, line_bytes_);
  line_bytes_ = 0;
  if (line.size() < 2 || line[line.size() - 2] != '\r') {
    return Refuse(400, "a chunk line must end with CR LF");
  }
  line.remove_suffix(2);
  std::uint64_t size = 0;
  std::size_t digits = 0;
  for (; digits < line.size() && HexValue(line[digits]) >= 0; ++digits) {
    if (digits == 16) return Refuse(400, "a chunk size must have at most 16 digits");
    size = size << 4 | static_cast<std::uint64_t>(HexValue(line[digits]));
  }
  if (digits == 0) return Refuse(400, "a chunk must begin with its size in hexadecimal digits");
  if (!IsChunkExtension(line.substr(digits))) return Refuse(400, "malformed chunk extension");
  if (size > limit_bytes - std::min(limit_bytes, body_bytes)) {
    return Refuse(413, "the body must be at most " + std::to_string(limit_bytes) + " bytes");
  }
  left_ = size;
  state_ = size == 0 ? State::kEndCr : State::kData;
}

std::size_t ChunkDecoder::Decode(std::string_view input, std::size_t limit_bytes,
                                 std::string& body) {
  std::size_t at = 0;
  while (at < input.size()) {
    switch (state_) {
      case State::kLine:
        if (line_bytes_ == kMaxLineBytes) {
          Refuse(400, "a chunk line must be at most " + std::to_string(kMaxLineBytes) + " bytes");
          return at;
        }
        line_[line_bytes_++] = input[at++];
        if (line_[line_bytes_ - 1] == '\n') EndLine(limit_bytes, body.size());
        break;
      case State::kData: {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at));
        body.append(input, at, n);
        at += n;
        left_ -= n;
        if (left_ == 0) state_ = State::kDataCr;
        break;
      }
      case State::kDataCr:
      case State::kDataLf:
        if (input[at] != (state_ == State::kDataCr ? '\r' : '\n')) {
          Refuse(400, "a chunk must end with CR LF after as many bytes as its size says");
          return at;
        }
        state_ = state_ == State::kDataCr ? State::kDataLf : State::kLine;
        ++at;
        break;
      case State::kEndCr:
      case State::kEndLf:
        if (input[at] != (state_ == State::kEndCr ? '\r' : '\n')) {
          Refuse(400, "trailer fields are not accepted");
          return at;
        }
        state_ = state_ == State::kEndCr ? State::kEndLf : State::kDone;
        ++at;
        break;
      case State::kDone:
      case State::kRefused:
        return at;
    }
  }
  return at;
}

}  // namespace target_eye
