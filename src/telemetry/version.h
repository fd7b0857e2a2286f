#pragma once

#include <string_view>

namespace target_eye {

// The version of this program, such as `0.1.0`.
std::string_view Version();

}  // namespace target_eye
