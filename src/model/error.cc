#include "model/error.h"

#include <fmt/format.h>

#include <iterator>

#include "model/utf8.h"

namespace target_eye {
namespace {

constexpr std::size_t kMaxQuotedBytes = 100;

bool IsControl(std::string_view code_point) {
  const auto first = static_cast<unsigned char>(code_point[0]);
  if (code_point.size() == 1) return first < 0x20 || first == 0x7F;
  // U+0080-U+009F: some terminals obey them.
  return code_point.size() == 2 && first == 0xC2 &&
         static_cast<unsigned char>(code_point[1]) < 0xA0;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t valid_bytes = Utf8CodePointBytes(rest);
    const std::size_t bytes = valid_bytes == 0 ? 1 : valid_bytes;
    if (text.size() - rest.size() + bytes > kMaxQuotedBytes) break;
    const std::string_view piece = rest.substr(0, bytes);
    rest.remove_prefix(bytes);
    if (valid_bytes == 0 || IsControl(piece)) {
      for (const char c : piece) {
        fmt::format_to(std::back_inserter(quoted), "\\x{:02x}", static_cast<unsigned char>(c));
      }
    } else {
      if (piece == "\"" || piece == "\\") quoted += '\\';
      quoted += piece;
    }
  }
  quoted += rest.empty() ? "\"" : "\"...";
  return quoted;
}

}  // namespace target_eye
