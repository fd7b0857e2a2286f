#include "http/wire/framing_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "http/wire/chars.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::string_view kEmptyLine = "\r\n\r\n";

std::optional<Refusal> Bad(std::string_view what) { return Refusal{400, std::string(what)}; }

// Where in a request line, which may not be whole, its target has more than `limit` bytes.
std::size_t FindTargetExcess(std::string_view line, std::size_t limit) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return space;
  const std::size_t begin = space + 1;
  const std::size_t end = std::min(line.find_first_of(" \r", begin), line.size());
  return end - begin > limit ? begin + limit : std::string_view::npos;
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

// Which protocols begin with one of these, and no request of HTTP/1 does.
constexpr std::string_view kTlsHandshake = "\x16\x03";
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0";
constexpr std::array<std::string_view, 4> kProxyHeaders = {
    "PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN", std::string_view("\r\n\r\n\0\r\nQUIT\n", 12)};

}  // namespace

std::optional<Refusal> CheckProtocol(std::string_view bytes) {
  if (bytes.starts_with(kTlsHandshake)) {
    return Bad("this port speaks plain HTTP; use http:// instead of https://");
  }
  if (bytes.starts_with(kHttp2Preface)) {
    return Refusal{505,
                   "HTTP/2 is spoken over TLS only, where the client asks for it by ALPN; "
                   "everything else is HTTP/1.1"};
  }
  return CheckProxyHeader(bytes);
}

std::optional<Refusal> CheckProxyHeader(std::string_view bytes) {
  if (std::ranges::none_of(kProxyHeaders, [&](auto begin) { return bytes.starts_with(begin); })) {
    return std::nullopt;
  }
  return Bad(
      "a header of the PROXY protocol is taken only from the addresses in TRUSTED_PROXIES; add the "
      "proxy's, or turn the header off in the proxy");
}

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

std::optional<Refusal> HeadScanner::CheckLine(std::string_view line, bool whole) const {
  // Of several faults the one that shows first counts, whatever the pieces that the bytes come in.
  std::size_t at = std::string_view::npos;
  std::optional<Refusal> refusal;
  const auto note = [&](std::size_t where, int status, const auto& message) {
    if (where >= at) return;
    at = where;
    refusal = Refusal{status, message()};
  };
  const std::size_t cr = line.find('\r');
  if (cr != std::string_view::npos && cr + 1 != line.size()) {
    note(cr + 1, 400, [] { return "a CR without LF in the header"; });
  }
  if (whole && cr == std::string_view::npos) {
    note(line.size(), 400, [] { return "lines of the header must end with CR LF"; });
  }
  if (whole && line == "\r" && lines_ == 0) {
    note(line.size(), 400, [] { return "the request line is empty"; });
  }
  if (whole && line != "\r" && lines_ > limits_.fields) {
    note(line.size(), 431, [this] {
      return fmt::format("a request must have at most {} header fields", limits_.fields);
    });
  }
  if (lines_ == 0) {
    note(FindTargetExcess(line, limits_.target_bytes), 414, [this] {
      return fmt::format("the request target must be at most {} bytes", limits_.target_bytes);
    });
  }
  if (line_start_ + line.size() + (whole ? 1 : 0) > limits_.header_bytes) {
    note(limits_.header_bytes - line_start_, 431, [this] {
      return fmt::format("the request line and header must be at most {} bytes",
                         limits_.header_bytes);
    });
  }
  return refusal;
}

std::expected<std::size_t, Refusal> HeadScanner::Scan(std::string_view bytes) {
  while (searched_ < bytes.size()) {
    const std::size_t newline = bytes.find('\n', searched_);
    const bool whole = newline != std::string_view::npos;
    const std::size_t line_end = whole ? newline : bytes.size();
    const std::string_view line = bytes.substr(line_start_, line_end - line_start_);
    if (auto refusal = CheckLine(line, whole)) return std::unexpected(*std::move(refusal));
    if (!whole) {
      searched_ = bytes.size();
      break;
    }
    searched_ = line_end + 1;
    if (line == "\r") return searched_;
    ++lines_;
    line_start_ = searched_;
  }
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
