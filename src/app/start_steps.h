#pragma once

#include <string>

#include "config/config.h"
#include "http/http_server.h"
#include "model/error.h"
#include "model/selector.h"

namespace target_eye {

// What a start and a try of it (try_start.h) have in common. Errors name the setting.

HttpServerOptions ServerOptions(const Config& config);

// FILE_SD_DIRECTORY, with all above it that are missing.
Expected<void> MakeDirectory(const std::string& path);

Expected<Selector> PublishSelector(const Config& config);

}  // namespace target_eye
