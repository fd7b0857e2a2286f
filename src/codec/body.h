#pragma once

#include <optional>
#include <string_view>

#include "model/change_request.h"
#include "model/error.h"
#include "model/group_limits.h"

namespace target_eye {

// What a request's body says, by its Content-Type.
//
// An empty `body` is no body, whatever the type: returns nothing. Otherwise `content_type` is
// compared without case and without parameters: application/json; the YAML types text/vnd.yaml,
// text/yaml, text/x-yaml, application/vnd.yaml, application/x-yaml, application/yaml;
// application/x-www-form-urlencoded. No type, another type, and a body that does not parse are
// kInvalid; none of them is taken for no body. So is more than `limits` allow in one group, which
// ends the reading where it is seen: repetitions count, and a group that is larger than that is
// made smaller by several requests. Pure; may be called from any thread.
//
// Time is linear in the body. What is returned takes at most 32 bytes a target and 160 a label, as
// many as `limits` allow, besides the bytes of the body. While it is read, JSON and forms take no
// more than that and a copy of the body; YAML takes up to 64 MiB for its brackets and commas
// (yaml_events.cc).
Expected<std::optional<GroupData>> DecodeBody(std::string_view content_type, std::string_view body,
                                              const GroupLimits& limits = {});

}  // namespace target_eye
