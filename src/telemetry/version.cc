#include "telemetry/version.h"

namespace target_eye {

std::string_view Version() { return TARGET_EYE_VERSION; }

}  // namespace target_eye
