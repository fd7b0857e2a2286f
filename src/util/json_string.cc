#include "util/json_string.h"

namespace target_eye {
namespace {

bool NeedsEscape(char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; }

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
    case '\\':
      out += {'\\', c};
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default: {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'u', '0', '0', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!NeedsEscape(text[i])) continue;
    out += text.substr(plain_from, i - plain_from);
    AppendEscaped(out, text[i]);
    plain_from = i + 1;
  }
  out += text.substr(plain_from);
  out += '"';
}

std::size_t JsonStringBytes(std::string_view text) {
  constexpr std::size_t kQuotes = 2;
  constexpr std::size_t kShortEscape = 1;  // `\n` for one byte, and `\u0001` for another.
  constexpr std::size_t kLongEscape = 5;
  std::size_t bytes = text.size() + kQuotes;
  for (const char c : text) {
    if (!NeedsEscape(c)) continue;
    bytes += std::string_view("\"\\\n\r\t").contains(c) ? kShortEscape : kLongEscape;
  }
  return bytes;
}

}  // namespace target_eye
