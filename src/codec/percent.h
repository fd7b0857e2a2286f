#pragma once

#include <string>
#include <string_view>

#include "model/error.h"
#include "model/group_key.h"

namespace target_eye {

// Decodes each %XX once (RFC 3986 section 2.1); `+` stays. kInvalid if a `%` is not followed by two
// hex digits.
Expected<std::string> PercentDecode(std::string_view text);

// Decodes a name or value of a form or a query: `+` is a space, each %XX is decoded once. kInvalid
// as above, and if the result is not valid UTF-8.
Expected<std::string> FormDecode(std::string_view text);

// Encodes every byte except the unreserved ones, A-Z a-z 0-9 - . _ ~.
std::string PercentEncode(std::string_view text);

// The key that a request path names: `/<application>/<environment>`. The path is split on the raw
// `/` first, and each part is decoded once after. kNotFound if it does not have exactly two
// non-empty parts; kInvalid if one of the two is not allowed. `path` is without the query.
Expected<GroupKey> ParseGroupPath(std::string_view path);

// The encoded path that names `key`: ParseGroupPath reads it back.
std::string GroupPath(const GroupKey& key);

}  // namespace target_eye
