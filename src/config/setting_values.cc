#include "config/setting_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::string_view kDigits = "0123456789";

// Cuts what follows the number off `text` and returns it, in small letters.
std::string TakeUnit(std::string_view& text, std::string_view number_characters) {
  const std::size_t end = std::min(text.find_first_not_of(number_characters), text.size());
  const std::string unit = LowerCase(Trim(text.substr(end)));
  text = text.substr(0, end);
  return unit;
}

template <typename T>
struct Unit {
  std::string_view name;
  T factor;
};

template <typename T, std::size_t N>
std::optional<T> FactorOf(const std::array<Unit<T>, N>& units, std::string_view name) {
  for (const Unit<T>& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

constexpr std::array kByteUnits = {Unit<std::int64_t>{"", 1}, Unit<std::int64_t>{"kib", 1 << 10},
                                   Unit<std::int64_t>{"mib", 1 << 20},
                                   Unit<std::int64_t>{"gib", 1 << 30}};
constexpr std::array kTimeUnits = {Unit<double>{"", 1000}, Unit<double>{"ms", 1},
                                   Unit<double>{"s", 1000}, Unit<double>{"m", 60'000},
                                   Unit<double>{"h", 3'600'000}};

// The elements between the brackets, each in quotes.
std::optional<std::vector<std::string>> ParseQuotedElements(std::string_view text) {
  std::vector<std::string> elements;
  while (true) {
    text = Trim(text);
    if (text.empty()) return elements;  // A comma may follow the last element.
    const char quote = text.front();
    if (quote != '"' && quote != '\'') return std::nullopt;
    const std::size_t end = text.find(quote, 1);
    if (end == std::string_view::npos) return std::nullopt;
    elements.emplace_back(Trim(text.substr(1, end - 1)));
    if (elements.back().empty()) return std::nullopt;
    text = Trim(text.substr(end + 1));
    if (text.empty()) return elements;
    if (text.front() != ',') return std::nullopt;
    text.remove_prefix(1);
  }
}

}  // namespace

std::optional<bool> ParseBoolean(std::string_view text) {
  const std::string word = LowerCase(Trim(text));
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return std::nullopt;
}

std::optional<std::int64_t> ParseCount(std::string_view text) {
  text = Trim(text);
  if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value > 1'000'000'000'000'000'000) return std::nullopt;
  return value;
}

std::optional<std::int64_t> ParseBytes(std::string_view text) {
  text = Trim(text);
  const auto factor = FactorOf(kByteUnits, TakeUnit(text, kDigits));
  const auto count = ParseCount(text);
  if (!factor || !count || *count > 1'000'000'000'000'000'000 / *factor) return std::nullopt;
  return *count * *factor;
}

std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  text = Trim(text);
  const auto factor = FactorOf(kTimeUnits, TakeUnit(text, "0123456789."));
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  // A year bounds the value, so that milliseconds cannot overflow.
  if (!factor || error != std::errc() || end != text.data() + text.size() ||
      value * *factor > 31'536e6) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(std::llround(value * *factor));
}

std::optional<int> ParseOctal(std::string_view text) {
  text = Trim(text);
  if (text.starts_with("0o") || text.starts_with("0O")) text.remove_prefix(2);
  if (text.empty() || text.size() > 4 ||
      text.find_first_not_of("01234567") != std::string_view::npos) {
    return std::nullopt;
  }
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (value > 0777) return std::nullopt;
  return value;
}

std::optional<std::vector<std::string>> ParseList(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('[')) {
    const std::string_view inside = Trim(text.substr(1));
    if (inside == "]") return std::vector<std::string>();
    // Otherwise it is the address of a host, `[::1]`.
    if (inside.starts_with('"') || inside.starts_with('\'')) {
      if (!inside.ends_with(']')) return std::nullopt;
      return ParseQuotedElements(inside.substr(0, inside.size() - 1));
    }
  }
  std::vector<std::string> elements;
  while (true) {
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    elements.emplace_back(Trim(text.substr(0, end)));
    if (elements.back().empty()) return std::nullopt;
    if (end == text.size()) return elements;
    text.remove_prefix(end + 1);
  }
}

std::string FormatDuration(std::chrono::milliseconds value) {
  return fmt::format("{}", static_cast<double>(value.count()) / 1000);
}

std::string FormatBytes(std::int64_t value) {
  constexpr std::int64_t kKiB = 1 << 10;
  constexpr std::int64_t kMiB = 1 << 20;
  if (value >= kMiB && value % kMiB == 0) return fmt::format("{}MiB", value / kMiB);
  if (value >= kKiB && value % kKiB == 0) return fmt::format("{}KiB", value / kKiB);
  return fmt::format("{}", value);
}

}  // namespace target_eye
