#pragma once

#include <string_view>

#include "model/change_request.h"
#include "model/error.h"
#include "model/group_limits.h"

namespace target_eye {

// The decoder of DecodeBody for application/x-www-form-urlencoded; `body` is not empty.
Expected<GroupData> DecodeForm(std::string_view body, const GroupLimits& limits = {});

}  // namespace target_eye
