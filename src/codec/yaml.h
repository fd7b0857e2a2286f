#pragma once

#include <string_view>

#include "model/change_request.h"
#include "model/error.h"
#include "model/group_limits.h"

namespace target_eye {

// The decoder of DecodeBody for YAML; `body` is not empty.
Expected<GroupData> DecodeYaml(std::string_view body, const GroupLimits& limits = {});

}  // namespace target_eye
