#include "telemetry/log_line.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <string>

#include "model/utf8.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

struct LevelName {
  std::string_view name;
  LogLevel level;
};

constexpr std::array kLevels = {
    LevelName{"debug", LogLevel::kDebug},       LevelName{"info", LogLevel::kInfo},
    LevelName{"warning", LogLevel::kWarning},   LevelName{"error", LogLevel::kError},
    LevelName{"critical", LogLevel::kCritical},
};

// The bytes of the character that `text` begins with, if it may stand in a log as it is; else 0.
// Besides what is not UTF-8, that keeps out what a terminal obeys or what turns the text that it
// shows: C0 and C1 controls, DEL, line and paragraph separators, and the bidirectional marks.
std::size_t PrintableLength(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7f ? 1 : 0;
  const std::size_t length = Utf8CodePointBytes(text);
  if (length == 0) return 0;
  if (lead == 0xc2 && byte(1) < 0xa0) return 0;
  if (lead == 0xd8 && byte(1) == 0x9c) return 0;  // U+061C
  if (lead == 0xe2 && byte(1) == 0x80) {
    const unsigned char last = byte(2);  // U+200E, U+200F; U+2028 to U+202E
    if (last == 0x8e || last == 0x8f || (last >= 0xa8 && last <= 0xae)) return 0;
  }
  if (lead == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9) return 0;  // U+2066-
  return length;
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  while (!text.empty()) {
    const std::size_t length = PrintableLength(text);
    if (length == 0 || std::strchr(" =\"\\", text.front()) != nullptr) return true;
    text.remove_prefix(length);
  }
  return false;
}

void AppendQuoted(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const std::size_t length = PrintableLength(text);
    if (length > 0) {
      if (text.front() == '"' || text.front() == '\\') line += '\\';
      line += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    if (text.front() == '\n') {
      line += "\\n";
    } else {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}",
                     static_cast<unsigned char>(text.front()));
    }
    text.remove_prefix(1);
  }
  line += '"';
}

// As a JSON string (RFC 8259 section 7). A byte that is not of UTF-8 is spelt `\xff`, as in logfmt.
void AppendJsonString(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const std::size_t length = PrintableLength(text);
    if (length > 0) {
      if (text.front() == '"' || text.front() == '\\') line += '\\';
      line += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t bytes = lead < 0x80 ? 1 : Utf8CodePointBytes(text);
    if (bytes == 0) {
      fmt::format_to(std::back_inserter(line), "\\\\x{:02x}", lead);
      text.remove_prefix(1);
      continue;
    }
    // What PrintableLength keeps out lies below U+10000: one to three bytes.
    unsigned code_point = bytes == 1 ? lead : (bytes == 2 ? lead & 0x1fU : lead & 0x0fU);
    for (std::size_t i = 1; i < bytes; ++i) {
      code_point = (code_point << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
    }
    fmt::format_to(std::back_inserter(line), "\\u{:04x}", code_point);
    text.remove_prefix(bytes);
  }
  line += '"';
}

std::string JsonLine(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  std::string line = fmt::format(R"("level":"{}","msg":)", LogLevelName(level));
  AppendJsonString(line, message);
  for (const LogField& field : fields) {
    fmt::format_to(std::back_inserter(line), ",\"{}\":", field.key);
    if (field.is_number) {
      line += field.value;
    } else {
      AppendJsonString(line, field.value);
    }
  }
  return line;
}

std::string LogfmtLine(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  std::string line = "level=";
  line += LogLevelName(level);
  line += " msg=";
  AppendQuoted(line, message);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    if (NeedsQuotes(field.value)) {
      AppendQuoted(line, field.value);
    } else {
      line += field.value;
    }
  }
  return line;
}

}  // namespace

std::optional<LogLevel> ParseLogLevel(std::string_view name) {
  const auto* const found = std::ranges::find_if(
      kLevels, [&](const LevelName& known) { return EqualsIgnoringCase(name, known.name); });
  return found == kLevels.end() ? std::nullopt : std::optional(found->level);
}

std::string_view LogLevelName(LogLevel level) {
  const auto* const found = std::ranges::find(kLevels, level, &LevelName::level);
  return found == kLevels.end() ? kLevels.back().name : found->name;
}

std::string FormatLogLine(LogFormat format, LogLevel level, std::string_view message,
                          std::span<const LogField> fields) {
  return format == LogFormat::kJson ? JsonLine(level, message, fields)
                                    : LogfmtLine(level, message, fields);
}

}  // namespace target_eye
