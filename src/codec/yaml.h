#pragma once

#include <string_view>

#include "model/change_request.h"
#include "model/error.h"

namespace target_eye {

// The decoder of DecodeBody for YAML; `body` is not empty.
Expected<GroupData> DecodeYaml(std::string_view body);

}  // namespace target_eye
