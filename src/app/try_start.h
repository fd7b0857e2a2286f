#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "model/error.h"

namespace target_eye {

// Tries what App::Start would do, as far as that leaves nothing behind, and fails with the same
// message. Returns warnings. If an instance that runs uses the state, what that one holds is no
// failure. Becomes USER and GROUP, so that nothing may follow but the end.
Expected<std::vector<std::string>> TryStart(const Config& config);

}  // namespace target_eye
