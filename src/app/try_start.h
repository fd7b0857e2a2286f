#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "model/error.h"

namespace target_eye {

// Tries what App::Start would do, as far as that leaves nothing behind, and fails with the same
// message. Returns what somebody should look at. Where the state is in use by an instance that
// runs, what that one holds is no failure. Becomes USER and GROUP; nothing may follow but the end.
Expected<std::vector<std::string>> TryStart(const Config& config);

}  // namespace target_eye
