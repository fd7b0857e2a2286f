#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace target_eye {

// Characters of ASCII, whatever the locale; bytes beyond it are none of these.

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The value of a hexadecimal digit, or -1.
constexpr int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// `text` with its capitals made small.
inline std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ToLower(c);
  return lower;
}

// Without regard to the case of letters.
constexpr bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (ToLower(a[i]) != ToLower(b[i])) return false;
  }
  return true;
}

// `text` without those of `characters` that are at its ends.
constexpr std::string_view TrimAnyOf(std::string_view text, std::string_view characters) {
  const std::size_t first = text.find_first_not_of(characters);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(characters) - first + 1);
}

// Without the spaces and tabs at its ends: what a line of HTTP may have around a value.
constexpr std::string_view TrimBlanks(std::string_view text) { return TrimAnyOf(text, " \t"); }

// Without the spaces, tabs and line ends: the white space of JSON.
constexpr std::string_view TrimSpaces(std::string_view text) { return TrimAnyOf(text, " \t\r\n"); }

// Without any white space of ASCII.
constexpr std::string_view Trim(std::string_view text) { return TrimAnyOf(text, " \t\r\n\f\v"); }

}  // namespace target_eye
