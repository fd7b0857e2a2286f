#pragma once

#include <string_view>

#include "config/config_entry.h"

namespace target_eye {

// INI as Python's configparser reads it: `[section]`, `key = value` or `key: value`, comments on
// lines of their own with `#` or `;`, indented lines continue a value (joined with newlines), a key
// or section given twice is an error. A value is taken as it stands, except that `%%` is `%`; a
// single `%`, which configparser would refuse or replace, is itself. `[DEFAULT]` is a section like
// any other.
ConfigEntries ParseIni(std::string_view text);

}  // namespace target_eye
