#include "model/scrape_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::string_view kInterval = "__scrape_interval__";
constexpr std::string_view kTimeout = "__scrape_timeout__";
constexpr std::string_view kScheme = "__scheme__";

struct Unit {
  std::string_view name;
  std::uint64_t ms;
};

constexpr std::uint64_t kSecondMs = 1000;
constexpr std::uint64_t kDayMs = 24 * (3600 * kSecondMs);
constexpr auto kUnits = std::to_array<Unit>({
    {"y", 365 * kDayMs},
    {"w", 7 * kDayMs},
    {"d", kDayMs},
    {"h", 3600 * kSecondMs},
    {"m", 60 * kSecondMs},
    {"s", kSecondMs},
    {"ms", 1},
});

// Prometheus counts nanoseconds in a signed integer of 64 bits.
constexpr std::uint64_t kMaxMs = std::numeric_limits<std::int64_t>::max() / 1'000'000;

// The number that `text` begins with, taken off it; nothing if there is none, or a larger one than
// any duration has.
std::optional<std::uint64_t> TakeNumber(std::string_view& text) {
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  std::uint64_t number = 0;
  while (!text.empty() && IsDigit(text.front())) {
    number = number * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (number > kMaxMs) return std::nullopt;
    text.remove_prefix(1);
  }
  return number;
}

// In milliseconds; nothing if `text` is none, or is too long.
std::optional<std::uint64_t> ParseDuration(std::string_view text) {
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::uint64_t total = 0;
  const auto* next_unit = kUnits.begin();
  while (!text.empty()) {
    const auto number = TakeNumber(text);
    if (!number) return std::nullopt;
    const std::string_view name =
        text.substr(0, std::min(text.find_first_of("0123456789"), text.size()));
    const auto* unit =
        std::find_if(next_unit, kUnits.end(), [&](const Unit& u) { return u.name == name; });
    if (unit == kUnits.end() || *number > (kMaxMs - total) / unit->ms) return std::nullopt;
    total += *number * unit->ms;
    text.remove_prefix(name.size());
    next_unit = unit + 1;
  }
  return total;
}

const std::string* ValueOf(const Labels& labels, std::string_view name) {
  const auto found = labels.find(name);
  return found == labels.end() ? nullptr : &found->second;
}

bool IsAsBefore(const Labels* before, std::string_view name, const std::string& value) {
  const std::string* old = before == nullptr ? nullptr : ValueOf(*before, name);
  return old != nullptr && *old == value;
}

std::unexpected<Error> Wrong(std::string_view name, std::string_view value,
                             std::string_view expected) {
  return Invalid(
      fmt::format("label {}: expected {}, found {}", Quote(name), expected, Quote(value)));
}

Expected<void> CheckDuration(std::string_view name, std::string_view value) {
  const auto duration = ParseDuration(value);
  if (!duration) {
    return Wrong(name, value, "a duration as Prometheus writes it, such as 30s, 1m30s or 500ms");
  }
  if (*duration == 0) return Wrong(name, value, "a duration above 0, such as 30s");
  return {};
}

}  // namespace

Expected<void> CheckScrapeLabels(const Labels* before, const Labels& after) {
  const std::string* scheme = ValueOf(after, kScheme);
  if (scheme != nullptr && *scheme != "http" && *scheme != "https" &&
      !IsAsBefore(before, kScheme, *scheme)) {
    return Wrong(kScheme, *scheme, "http or https");
  }
  bool changed = false;
  for (const std::string_view name : {kInterval, kTimeout}) {
    const std::string* value = ValueOf(after, name);
    if (value == nullptr || IsAsBefore(before, name, *value)) continue;
    changed = true;
    if (auto ok = CheckDuration(name, *value); !ok) return ok;
  }
  const std::string* interval = ValueOf(after, kInterval);
  const std::string* timeout = ValueOf(after, kTimeout);
  if (!changed || interval == nullptr || timeout == nullptr) return {};
  // One of them may be from before, and no duration.
  const auto interval_ms = ParseDuration(*interval);
  const auto timeout_ms = ParseDuration(*timeout);
  if (!interval_ms || !timeout_ms || *timeout_ms <= *interval_ms) return {};
  return Invalid(fmt::format("label {}: {} is longer than {}, {}; expected at most that",
                             Quote(kTimeout), Quote(*timeout), Quote(kInterval), Quote(*interval)));
}

}  // namespace target_eye
