#pragma once

#include <string_view>

#include "http/http_handler.h"
#include "model/error.h"

namespace target_eye {

// `{"message":"..."}` with the status that the error has; a 503 says when to try again.
HttpResponse ErrorResponse(const Error& error, std::string_view handler);

// 405, and what OPTIONS is answered with; `allowed` is the value of Allow.
HttpResponse MethodNotAllowed(std::string_view method, std::string_view allowed,
                              std::string_view handler);
HttpResponse OptionsResponse(std::string_view allowed, std::string_view handler);

// GET or HEAD.
inline bool IsRead(std::string_view method) { return method == "GET" || method == "HEAD"; }

}  // namespace target_eye
