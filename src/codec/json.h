#pragma once

#include <string_view>

#include "codec/group_reader.h"
#include "model/error.h"
#include "model/group_limits.h"

namespace target_eye {

// Reads the JSON document `text` (RFC 8259, except that a byte order mark may precede it) into
// `reader`. Errors: what the reader refused, or kInvalid with the line and column at which it is
// not JSON.
Expected<void> ReadJson(std::string_view text, GroupReader& reader);

// The decoder of DecodeBody for JSON; `body` is not empty.
Expected<GroupData> DecodeJson(std::string_view body, const GroupLimits& limits = {});

}  // namespace target_eye
