#pragma once

#include <fmt/format.h>

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace target_eye {

// What each level means to whoever reads the log:
//   kDebug     for those who develop this program.
//   kInfo      the life of the process: what it serves, where; a handful of lines a day.
//   kWarning   works on, but somebody should act: each message says what to do or what is at stake.
//   kError     a promise is not kept (a write refused, a publication failed); it goes on trying.
//   kCritical  it cannot go on.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kCritical };

// debug, info, warning, error, critical, in any case; nothing for another word.
std::optional<LogLevel> ParseLogLevel(std::string_view name);

// The inverse.
std::string_view LogLevelName(LogLevel level);

enum class LogFormat { kLogfmt, kJson };

// A key of ASCII letters, digits and underscores, and a value of any bytes. The log quotes and
// escapes values as needed, so that none can forge a line or send a terminal escape.
struct LogField {
  std::string_view key;
  std::string value;
  bool is_number = false;  // In JSON, a number or boolean stands without quotes.

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <typename T>
  LogField(std::string_view k, const T& v)
      : key(k), value(fmt::format("{}", v)), is_number(std::integral<T>) {}
};

// The line that Log writes, without its time, its braces and a newline; for tests.
std::string FormatLogLine(LogFormat format, LogLevel level, std::string_view message,
                          std::span<const LogField> fields);

}  // namespace target_eye
