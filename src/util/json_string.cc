#include "util/json_string.h"

#include <algorithm>
#include <charconv>

namespace target_eye {
namespace {

constexpr std::size_t kLongEscapeBytes = std::string_view("\\u001f").size();

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

// Appends the byte that the escape at the beginning of `rest` stands for; returns its length.
std::size_t TakeEscape(std::string_view rest, std::string& text) {
  switch (rest[1]) {
    case 'n':
      text += '\n';
      return 2;
    case 'r':
      text += '\r';
      return 2;
    case 't':
      text += '\t';
      return 2;
    case 'u': {
      int byte = 0;
      std::from_chars(rest.data() + 2, rest.data() + kLongEscapeBytes, byte, 16);
      text += static_cast<char>(byte);
      return kLongEscapeBytes;
    }
    default:
      text += rest[1];
      return 2;
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
  constexpr std::size_t kLongEscape = kLongEscapeBytes - 1;
  std::size_t bytes = text.size() + kQuotes;
  for (const char c : text) {
    if (!NeedsEscape(c)) continue;
    bytes += std::string_view("\"\\\n\r\t").contains(c) ? kShortEscape : kLongEscape;
  }
  return bytes;
}

std::string JsonStringText(std::string_view json) {
  std::string_view rest = json.substr(1, json.size() - 2);
  if (!rest.contains('\\')) return std::string(rest);
  std::string text;
  while (true) {
    const std::size_t plain = std::min(rest.find('\\'), rest.size());
    text += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (rest.empty()) return text;
    rest.remove_prefix(TakeEscape(rest, text));
  }
}

}  // namespace target_eye
