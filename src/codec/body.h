#pragma once

#include <optional>
#include <string_view>

#include "model/change_request.h"
#include "model/error.h"

namespace target_eye {

// What a request's body says, by its Content-Type.
//
// An empty `body` is no body, whatever the type: returns nothing. Otherwise `content_type` is
// compared without case and without parameters: application/json; the YAML types text/vnd.yaml,
// text/yaml, text/x-yaml, application/vnd.yaml, application/x-yaml, application/yaml;
// application/x-www-form-urlencoded. No type, another type, and a body that does not parse are
// kInvalid; none of them is taken for no body. Pure; may be called from any thread. Time and memory
// are linear in the body.
Expected<std::optional<GroupData>> DecodeBody(std::string_view content_type, std::string_view body);

}  // namespace target_eye
