#pragma once

#include <string>
#include <string_view>

namespace target_eye {

// `{"message":"..."}`; bytes that are not UTF-8 become U+FFFD.
std::string EncodeMessage(std::string_view message);

}  // namespace target_eye
