#pragma once

#include <string_view>

#include "config/settings.h"

namespace target_eye {

// The setting that a misspelt name was probably meant to be; null if none is similar. `name` is a
// flag with its dashes, a variable or a key. It may have other case, separators or dashes, be a
// flag instead of a key, or have a letter or two too few, too many or wrong. Pure.
const Setting* MeantSetting(std::string_view name);

}  // namespace target_eye
