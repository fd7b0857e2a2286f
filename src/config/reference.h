#pragma once

#include <string>

namespace target_eye {

// For --help: usage, and every setting with its flag, variable and default.
std::string HelpText();

// docs/configuration.md, whole.
std::string SettingsReference();

}  // namespace target_eye
