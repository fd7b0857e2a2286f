#pragma once

#include <optional>
#include <string_view>

#include "http/wire/request_head.h"

namespace target_eye {

// Fills `head` from `bytes`, a whole header that CheckHeadBytes let through, or refuses what
// Beast's parser does not take.
std::optional<Refusal> ParseRequestHead(std::string_view bytes, RequestHead& head);

}  // namespace target_eye
