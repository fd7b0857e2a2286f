#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace target_eye {

// The forms that values have in flags, the environment and config files. Each returns nothing for a
// text that does not have its form; spaces around the text are ignored.

// true, yes, on, 1, or false, no, off, 0; in any case.
std::optional<bool> ParseBoolean(std::string_view text);

// Decimal digits, up to 10^18.
std::optional<std::int64_t> ParseCount(std::string_view text);

// A count of bytes, or of KiB, MiB or GiB if that follows it, with or without a space.
std::optional<std::int64_t> ParseBytes(std::string_view text);

// Seconds, whole or with a decimal point, rounded to milliseconds; another unit may follow: ms, s,
// m, h.
std::optional<std::chrono::milliseconds> ParseDuration(std::string_view text);

// Octal digits, as `022`, `22` or `0o22`; at most 0777.
std::optional<int> ParseOctal(std::string_view text);

// Elements separated by commas or newlines, or a list as Python and JSON write it, `["a", 'b']`,
// without escapes. Returns nothing if an element is empty.
std::optional<std::vector<std::string>> ParseList(std::string_view text);

// How they are shown: `75`, `2.5`; `1MiB`, `100`.
std::string FormatDuration(std::chrono::milliseconds value);
std::string FormatBytes(std::int64_t value);

}  // namespace target_eye
