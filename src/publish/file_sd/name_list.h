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

// The names in `text`. A line that is not the name of a `.json` file in the directory itself is
// skipped, so that an edited list cannot lead out of it; so is a last line without a line end,
// which a crash cut off.
std::vector<std::string> DecodeNames(std::string_view text);

}  // namespace target_eye
