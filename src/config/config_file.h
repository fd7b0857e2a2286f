#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"

namespace target_eye {

// A value as it was written, before it is known which setting it is for.
struct ConfigValue {
  enum class Form {
    kText,     // From a flag, the environment or INI.
    kNumber,   // A TOML number; its text is decimal.
    kBoolean,  // `true` or `false`.
    kList,     // A TOML list of strings.
    kOther,    // A table, a date, a list of something else: no setting takes it.
  };
  Form form = Form::kText;
  std::vector<std::string> items;  // One, except for a list.

  static ConfigValue Text(std::string text) { return {Form::kText, {std::move(text)}}; }

  // Whether it counts as not set, as configuration tools write it: an empty text, or a list without
  // elements.
  bool empty() const { return items.empty() || (form == Form::kText && items.front().empty()); }

  friend bool operator==(const ConfigValue&, const ConfigValue&) = default;
};

struct ConfigEntry {
  std::string section;
  std::string key;  // In lower case: keys compare without case.
  ConfigValue value;
  int line = 0;  // From 1.
};

// Where and why a text does not have the format.
struct ConfigSyntaxError {
  int line = 0;
  std::string message;
};

using ConfigEntries = std::expected<std::vector<ConfigEntry>, ConfigSyntaxError>;

inline constexpr std::size_t kConfigFileLimitBytes = 1 << 20;

// INI as Python's configparser reads it: `[section]`, `key = value` or `key: value`, comments on
// lines of their own with `#` or `;`, indented lines continue a value (joined with newlines), a key
// or section given twice is an error. A value is taken as it stands, except that `%%` is `%`; a
// single `%`, which configparser would refuse or replace, is itself. `[DEFAULT]` is a section like
// any other.
ConfigEntries ParseIni(std::string_view text);

// TOML 1.0. Every key is in a table; a key given twice, in whatever case, is an error. The entries
// are in the order of their lines, as those of INI are.
ConfigEntries ParseToml(std::string_view text);

// Reads a config file of either format: as TOML if `name` ends in `.toml`; otherwise as TOML if the
// text is valid TOML, and as INI if not. Messages have `name` and the line. kInvalid if the text is
// neither (the message is that of the format that got further), is over kConfigFileLimitBytes, or
// is not UTF-8. Pure; takes any bytes.
Expected<std::vector<ConfigEntry>> ParseConfigFile(std::string_view text, std::string_view name);

// The same for the file at `path`; kInvalid also if it cannot be read.
Expected<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path);

}  // namespace target_eye
