#pragma once

#include <string_view>

#include "codec/group_reader.h"
#include "model/error.h"

namespace target_eye {

// Reads the JSON document `text` (RFC 8259, nothing beyond it but a byte order mark) into `reader`;
// what the reader refused, or kInvalid with the line and column where it is no JSON.
Expected<void> ReadJson(std::string_view text, GroupReader& reader);

}  // namespace target_eye
