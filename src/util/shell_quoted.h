#pragma once

#include <string>
#include <string_view>

namespace target_eye {

// `text` as one word of a command for a POSIX shell (its section 2.2.2), whatever is in it.
std::string ShellQuoted(std::string_view text);

}  // namespace target_eye
