#pragma once

#include <array>
#include <string_view>

namespace target_eye {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The value of a hexadecimal digit, or -1.
constexpr int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// Without regard to the case of ASCII letters.
constexpr bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

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

// Without spaces and tabs at both ends.
constexpr std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace target_eye
