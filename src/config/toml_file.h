#pragma once

#include <string_view>

#include "config/config_entry.h"

namespace target_eye {

// TOML 1.0. Every key is in a table; a key given twice, in whatever case, is an error. The entries
// are in the order of their lines, as those of INI are.
ConfigEntries ParseToml(std::string_view text);

}  // namespace target_eye
