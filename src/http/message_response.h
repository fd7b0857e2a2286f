#pragma once

#include <string_view>

#include "http/http_handler.h"
#include "http/message_body.h"

namespace target_eye {

// {"message": "..."}, as every answer of the server's own making.
HttpResponse MessageResponse(int status, std::string_view message, std::string_view handler);

}  // namespace target_eye
