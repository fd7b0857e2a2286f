#pragma once

#include <string_view>

#include "api/route.h"
#include "http/http_handler.h"
#include "model/error.h"

namespace target_eye {

// `{"message":"..."}` with the status that the error has; a 503 says when to try again.
HttpResponse ErrorResponse(const Error& error, std::string_view handler);

// 405, and what OPTIONS is answered with.
HttpResponse MethodNotAllowed(std::string_view method, const Route& route);
HttpResponse OptionsResponse(const Route& route);

// GET or HEAD.
inline bool IsRead(std::string_view method) { return method == "GET" || method == "HEAD"; }

}  // namespace target_eye
