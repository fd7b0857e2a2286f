#pragma once

#include <array>
#include <string_view>

#include "util/ascii.h"

namespace target_eye {

namespace char_table {
consteval std::array<bool, 256> TokenTable() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c) {
    const char ch = static_cast<char>(c);
    table[static_cast<unsigned>(c)] =
        IsDigit(ch) || IsAlpha(ch) || std::string_view("!#$%&'*+-.^_`|~").contains(ch);
  }
  return table;
}
consteval std::array<bool, 256> FieldValueTable() {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = c == '\t' || (c >= 0x20 && c != 0x7f);
  return table;
}
inline constexpr std::array<bool, 256> kToken = TokenTable();
inline constexpr std::array<bool, 256> kFieldValue = FieldValueTable();
}  // namespace char_table

// RFC 9110 section 5.6.2.
constexpr bool IsTokenChar(char c) { return char_table::kToken[static_cast<unsigned char>(c)]; }

// RFC 9110 section 5.5: visible, space, tab, or beyond ASCII.
constexpr bool IsFieldValueChar(char c) {
  return char_table::kFieldValue[static_cast<unsigned char>(c)];
}

constexpr bool IsToken(std::string_view text) {
  for (const char c : text) {
    if (!IsTokenChar(c)) return false;
  }
  return !text.empty();
}

}  // namespace target_eye
