#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/config_entry.h"
#include "config/settings.h"

namespace target_eye {

// Puts a value into its field of `config`. If it is wrong, returns how, as `"abc": expected
// seconds, e.g. 5 or 2.5`, and leaves `config` as it was.
std::optional<std::string> Apply(const Setting& setting, const ConfigValue& value, Config& config);

// What it expects, in capitals, for --help: `SECONDS`.
std::string_view Placeholder(const Setting& setting);

// The default, as a user would write it, or its note.
std::string DefaultOf(const Setting& setting);

}  // namespace target_eye
