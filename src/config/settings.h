#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"

namespace target_eye {

// Under which heading of the reference a setting stands.
enum class SettingTopic {
  kDirectories,
  kPublishing,
  kListening,
  kTls,
  kAccess,
  kLimits,
  kDeadlines,
  kLogs,
  kProcess,
  kRefused,  // Stops the start if it is set: to ignore it silently would be a hole.
  kIgnored,  // Named in a warning if it is set: it has no meaning here.
};

// What a value means, if the type of its field does not say it.
enum class SettingKind {
  kText,
  kName,
  kWord,
  kUrlPath,
  kUrl,  // Of this service: `http://host/path`, or its path alone.
  kList,
  kCount,
  kBytes,
  kSeconds,
  kBoolean,
  kVerifyMode,
  kOctal
};

// A row of the one table from which flags, variables, file keys, --help and docs/configuration.md
// are made.
struct Setting {
  using Field =
      std::variant<std::monostate, std::string Config::*, std::vector<std::string> Config::*,
                   int Config::*, std::size_t Config::*, std::chrono::milliseconds Config::*,
                   bool Config::*, std::optional<int> Config::*>;

  static constexpr std::string_view kNone{};

  std::string_view name;     // The key in a file; the variable and the flag are made from it.
  std::string_view section;  // `hypercorn` or `target-eye`.
  SettingTopic topic = SettingTopic::kIgnored;
  SettingKind kind = SettingKind::kText;
  Field field = std::monostate{};
  // The bounds of a count, of bytes, of a duration in seconds, or of the number of elements of a
  // list.
  double least = 0;
  double most = 0;
  // For a list: whether an element is valid, and what is expected; null: any text is.
  bool (*is_element)(std::string_view element) = nullptr;
  std::string_view elements = kNone;
  // For kWord: `a|b`.
  std::string_view words = kNone;
  // For kWord: what other programs call them, as `warn=warning|30=warning`.
  std::string_view synonyms = kNone;
  // What an unset value means, if the value does not say it.
  std::string_view default_note = kNone;
  // The name that users of Prometheus expect, without the dashes.
  std::string_view other_flag = kNone;
  // Read if the variable of its own name is not set.
  std::string_view other_variable = kNone;
  bool secret = false;   // Its value is never shown.
  std::string_view doc;  // Full sentences, in Markdown.
  // For kRefused: why this value cannot be served; nothing if it can be ignored.
  std::optional<std::string> (*refusal)(std::string_view value) = nullptr;
};

// `READ_TIMEOUT`, `--read-timeout`, `--log.level`; the last is empty if there is none.
std::string VariableOf(const Setting& setting);
std::string FlagOf(const Setting& setting);
std::string OtherFlagOf(const Setting& setting);

// Whether it has a field, and so a flag.
bool Works(const Setting& setting);

// The headings of the reference, in its order.
std::string_view TitleOf(SettingTopic topic);

}  // namespace target_eye
