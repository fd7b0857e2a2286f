#pragma once

#include <string>

#include "config/config.h"
#include "model/error.h"

namespace target_eye {

// Where the state lies: STATE_DIRECTORY, or the hidden folder beside the published files.
std::string StateDirectory(const Config& config);

// Whether a process of target-eye uses the state that lies there.
bool IsStateInUse(const std::string& directory);

// kInvalid where STATE_DIRECTORY leads elsewhere while a state lies in the default place: that one
// would be left behind without a word. The message has the commands that move it there, or away.
// Changes nothing. A state that was never written to is none. kInUse where that state is in use.
Expected<void> CheckStateDirectory(const Config& config);

}  // namespace target_eye
