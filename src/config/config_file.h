#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config_entry.h"
#include "model/error.h"

namespace target_eye {

inline constexpr std::size_t kConfigFileLimitBytes = 1 << 20;

// Reads a config file of either format: as TOML if `name` ends in `.toml`; otherwise as TOML if the
// text is valid TOML, and as INI if not. Messages have `name` and the line. kInvalid if the text is
// neither (the message is that of the format that got further), is over kConfigFileLimitBytes, or
// is not UTF-8. Pure; takes any bytes.
Expected<std::vector<ConfigEntry>> ParseConfigFile(std::string_view text, std::string_view name);

// The same for the file at `path`; kInvalid also if it cannot be read.
Expected<std::vector<ConfigEntry>> ReadConfigFile(const std::string& path);

}  // namespace target_eye
