#include "http/message_response.h"

namespace target_eye {

HttpResponse MessageResponse(int status, std::string_view message, std::string_view handler) {
  HttpResponse response;
  response.status = status;
  response.body = EncodeMessage(message);
  response.handler = handler;
  return response;
}

}  // namespace target_eye
