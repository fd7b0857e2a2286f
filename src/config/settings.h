#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"
#include "config/config_file.h"

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
  kRefused,  // Stops the start where it is set: losing it silently would be a hole.
  kIgnored,  // Named in a warning where it is set: it has no meaning here.
};

// What a value means, where the type of its field does not say.
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

// One row of the one table that flags, variables, file keys, --help and docs/configuration.md come
// from.
struct Setting {
  using Field =
      std::variant<std::monostate, std::string Config::*, std::vector<std::string> Config::*,
                   int Config::*, std::size_t Config::*, std::chrono::milliseconds Config::*,
                   bool Config::*, std::optional<int> Config::*>;

  static constexpr std::string_view kNone{};

  std::string_view name;     // The key in a file; its variable and flag are made from it.
  std::string_view section;  // `hypercorn` or `target-eye`.
  SettingTopic topic = SettingTopic::kIgnored;
  SettingKind kind = SettingKind::kText;
  Field field = std::monostate{};
  // Of a count, of bytes and, in seconds, of a duration; for a list, how many elements.
  double least = 0;
  double most = 0;
  // Of a list: whether an element is one, and what they are; null: any text.
  bool (*is_element)(std::string_view element) = nullptr;
  std::string_view elements = kNone;
  // For kWord: `a|b`.
  std::string_view words = kNone;
  // For kWord: what others call them, as `warn=warning|30=warning`.
  std::string_view synonyms = kNone;
  // What an unset value means, where the value does not say.
  std::string_view default_note = kNone;
  // By the names that Prometheus's people expect, without the dashes.
  std::string_view other_flag = kNone;
  // Read where the variable of its own name is not set.
  std::string_view other_variable = kNone;
  bool secret = false;   // Its value is never shown.
  std::string_view doc;  // Full sentences, in Markdown.
  // For kRefused: why this value cannot be served; nothing where it can be left aside.
  std::optional<std::string> (*refusal)(std::string_view value) = nullptr;
};

std::span<const Setting> Settings();

// `READ_TIMEOUT`, `--read-timeout`, `--log.level`; the last is empty where there is none.
std::string VariableOf(const Setting& setting);
std::string FlagOf(const Setting& setting);
std::string OtherFlagOf(const Setting& setting);

// The setting that a misspelt name was meant to be: that of a flag (with its dashes), of a variable
// or of a key; null where none is like it. As people slip: other case, other separators, other
// dashes, a flag for a key, a letter or two too few, too many or wrong. Pure.
const Setting* MeantSetting(std::string_view name);

// Whether it has a field, and so a flag.
bool Works(const Setting& setting);

// Puts a value into its field of `config`. Gives what is wrong with it, as `"abc": expected
// seconds, e.g. 5 or 2.5`, and then leaves `config` as it was.
std::optional<std::string> Apply(const Setting& setting, const ConfigValue& value, Config& config);

// What it expects, in capitals, for --help: `SECONDS`.
std::string_view Placeholder(const Setting& setting);

// The default, as a user would write it, or its note.
std::string DefaultOf(const Setting& setting);

// The headings of the reference, in its order.
std::string_view TitleOf(SettingTopic topic);

}  // namespace target_eye
