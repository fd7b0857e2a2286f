#pragma once

#include <string>
#include <string_view>

#include "http/http_handler.h"

namespace target_eye {

// `{"message":"..."}`; bytes that are not UTF-8 become U+FFFD.
std::string EncodeMessage(std::string_view message);

// {"message": "..."}, as every answer of the server's own making.
HttpResponse MessageResponse(int status, std::string_view message, std::string_view handler);

}  // namespace target_eye
