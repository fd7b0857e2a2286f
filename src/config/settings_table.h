#pragma once

#include <span>

#include "config/settings.h"

namespace target_eye {

// All settings, in the order of docs/configuration.md.
std::span<const Setting> Settings();

}  // namespace target_eye
