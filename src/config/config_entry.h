#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

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

}  // namespace target_eye
