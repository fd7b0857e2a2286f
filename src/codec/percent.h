#pragma once

#include <string>
#include <string_view>

#include "model/error.h"
#include "model/group_key.h"

namespace target_eye {

// Decodes each %XX once (RFC 3986 section 2.1); `+` stays. A `%` that two hex digits do not follow
// is kInvalid.
Expected<std::string> PercentDecode(std::string_view text);

// Decodes a name or value of a form or a query: `+` is a space, each %XX is decoded once. kInvalid
// as above, and where what comes out is no valid UTF-8.
Expected<std::string> FormDecode(std::string_view text);

// Encodes every byte but the unreserved ones, A-Z a-z 0-9 - . _ ~.
std::string PercentEncode(std::string_view text);

// The key that a request path names: `/<application>/<environment>`, split on the raw `/` first,
// each part decoded once after. kNotFound where the path does not have exactly two non-empty parts;
// kInvalid where it has, and a part is not allowed. `path` is without the query.
Expected<GroupKey> ParseGroupPath(std::string_view path);

// The path that names `key`, encoded; what ParseGroupPath takes back.
std::string GroupPath(const GroupKey& key);

}  // namespace target_eye
