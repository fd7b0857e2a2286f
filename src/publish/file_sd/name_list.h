#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace target_eye {

// File names as text, one percent-encoded name a line: what `.target-eye/published` and
// `.target-eye/importing` hold.
inline constexpr std::size_t kNameListLimitBytes = std::size_t{256} << 20;

std::string EncodeNames(std::span<const std::string> names);

// The names in `text`. A line that names no `.json` file of the directory itself is passed over, so
// that no edited list leads out of it; so is a last line without its end, which a crash cut off.
std::vector<std::string> DecodeNames(std::string_view text);

}  // namespace target_eye
