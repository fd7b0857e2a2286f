#include "api/api_response.h"

#include <fmt/format.h>

#include "api/error_status.h"
#include "http/message_body.h"

namespace target_eye {

HttpResponse ErrorResponse(const Error& error, std::string_view handler) {
  HttpResponse response{.status = HttpStatus(error.code),
                        .body = EncodeMessage(error.message) + "\n",
                        .headers = {},
                        .handler = handler};
  if (response.status == 503) {
    response.headers.push_back({"Retry-After", "1"});
  }
  return response;
}

HttpResponse MethodNotAllowed(std::string_view method, const Route& route) {
  HttpResponse response = ErrorResponse(
      {ErrorCode::kMethodNotAllowed,
       fmt::format("method {} is not allowed here; use one of {}", Quote(method), route.methods)},
      route.handler);
  response.headers.push_back({"Allow", std::string(route.methods)});
  return response;
}

HttpResponse OptionsResponse(const Route& route) {
  return {.status = 204,
          .body = {},
          .headers = {{"Allow", std::string(route.methods)}},
          .handler = route.handler};
}

}  // namespace target_eye
