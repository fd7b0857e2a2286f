#include "http/framing_gate.h"

#include <fmt/format.h>

#include <cstring>

#include "http/chars.h"

namespace target_eye {
namespace {

constexpr std::string_view kEmptyLine = "\r\n\r\n";

std::optional<Refusal> Bad(std::string_view what) { return Refusal{400, std::string(what)}; }

// What there is of the target in a request line that may not be whole.
std::string_view TargetSoFar(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return {};
  line.remove_prefix(space + 1);
  return line.substr(0, line.find(' '));
}

// method SP target SP HTTP-version
std::optional<Refusal> CheckRequestLine(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (!IsToken(line.substr(0, space))) return Bad("the request must begin with a method");
  if (space == std::string_view::npos) return Bad("the request line has no target");
  line.remove_prefix(space + 1);
  const std::size_t target_end = line.find(' ');
  const std::string_view target = line.substr(0, target_end);
  if (target.empty()) return Bad("the request line must have single spaces and a target");
  if (auto refusal = CheckTargetBytes(target)) return refusal;
  if (target_end == std::string_view::npos) return Bad("the request line has no HTTP version");
  const std::string_view version = line.substr(target_end + 1);
  if (version.size() != 8 || !version.starts_with("HTTP/") || !IsDigit(version[5]) ||
      version[6] != '.' || !IsDigit(version[7])) {
    return Bad("the request line must end with an HTTP version such as HTTP/1.1");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return Refusal{505, "the HTTP version must be 1.1 or 1.0"};
  }
  return std::nullopt;
}

std::optional<Refusal> CheckFieldLine(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return Bad("folded header lines are not accepted");
  }
  std::size_t i = 0;
  while (i < line.size() && IsTokenChar(line[i])) ++i;
  if (i == line.size()) return Bad("a header line has no colon");
  if (line[i] == ' ' || line[i] == '\t') {
    return Bad("white space before the colon of a header field is not accepted");
  }
  if (line[i] != ':') return Bad("a header field has a name with a character that is not allowed");
  if (i == 0) return Bad("a header field has no name");
  while (++i < line.size()) {
    if (!IsFieldValueChar(line[i])) {
      return Bad("a header field has a control character in its value");
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> CheckTargetBytes(std::string_view target) {
  for (std::size_t i = 0; i < target.size(); ++i) {
    const char c = target[i];
    if (c <= ' ' || c == 0x7f) {  // char is signed here: bytes beyond ASCII are below zero.
      return Bad("the request target must be printable ASCII; percent-encode anything else");
    }
    if (c == '#') return Bad("the request target must not have a fragment (`#`)");
    if (c == '%' &&
        (i + 2 >= target.size() || HexValue(target[i + 1]) < 0 || HexValue(target[i + 2]) < 0)) {
      return Bad("a `%` in the request target must be followed by two hexadecimal digits");
    }
  }
  return std::nullopt;
}

void HeadScanner::Reset() {
  line_start_ = 0;
  searched_ = 0;
  lines_ = 0;
}

std::optional<Refusal> HeadScanner::CheckLimits(std::string_view bytes) const {
  const std::size_t first_end = lines_ == 0 ? bytes.size() : bytes.find('\r');
  if (TargetSoFar(bytes.substr(0, first_end)).size() > limits_.target_bytes) {
    return Refusal{
        414, fmt::format("the request target must be at most {} bytes", limits_.target_bytes)};
  }
  if (bytes.size() > limits_.header_bytes) {
    return Refusal{431, fmt::format("the request line and header must be at most {} bytes",
                                    limits_.header_bytes)};
  }
  if (lines_ > limits_.fields + 1) {
    return Refusal{431,
                   fmt::format("a request must have at most {} header fields", limits_.fields)};
  }
  return std::nullopt;
}

std::expected<std::size_t, Refusal> HeadScanner::Scan(std::string_view bytes) {
  while (searched_ < bytes.size()) {
    const auto* newline = static_cast<const char*>(
        std::memchr(bytes.data() + searched_, '\n', bytes.size() - searched_));
    const std::size_t line_end =
        newline == nullptr ? bytes.size() : static_cast<std::size_t>(newline - bytes.data());
    const std::string_view line = bytes.substr(line_start_, line_end - line_start_);
    const std::size_t cr = line.find('\r');
    if (cr != std::string_view::npos && cr + 1 != line.size()) {
      return std::unexpected(Refusal{400, "a CR without LF in the header"});
    }
    if (newline == nullptr) {
      searched_ = bytes.size();
      break;
    }
    if (cr == std::string_view::npos) {
      return std::unexpected(Refusal{400, "lines of the header must end with CR LF"});
    }
    searched_ = line_end + 1;
    if (line.size() == 1) {
      if (lines_ == 0) return std::unexpected(Refusal{400, "the request line is empty"});
      if (auto refusal = CheckLimits(bytes.substr(0, searched_))) {
        return std::unexpected(*std::move(refusal));
      }
      return searched_;
    }
    ++lines_;
    line_start_ = searched_;
  }
  if (auto refusal = CheckLimits(bytes)) return std::unexpected(*std::move(refusal));
  return std::size_t{0};
}

std::optional<Refusal> CheckHeadBytes(std::string_view head) {
  if (!head.ends_with(kEmptyLine)) return Bad("the header must end with an empty line");
  head.remove_suffix(2);
  for (bool first = true; !head.empty(); first = false) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (line.empty()) return Bad("an empty line inside the header");
    if (auto refusal = first ? CheckRequestLine(line) : CheckFieldLine(line)) return refusal;
    head.remove_prefix(end + 2);
  }
  return std::nullopt;
}

}  // namespace target_eye
