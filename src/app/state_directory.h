#pragma once

#include <string>

#include "config/config.h"
#include "model/error.h"

namespace target_eye {

// Where the state lies: STATE_DIRECTORY, or the hidden folder beside the published files.
std::string StateDirectory(const Config& config);

// Whether a process of target-eye uses the state in `directory`.
bool IsStateInUse(const std::string& directory);

// kInvalid if STATE_DIRECTORY leads elsewhere while there is a state in the default place, which
// would be left behind without a word; kInUse if another process uses that state. The message has
// the commands that move the state there, or away. Changes nothing. A state that was never written
// to does not count.
Expected<void> CheckStateDirectory(const Config& config);

}  // namespace target_eye
