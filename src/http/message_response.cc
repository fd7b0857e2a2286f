#include "http/message_response.h"

#include "model/utf8.h"
#include "util/json_string.h"

namespace target_eye {

std::string EncodeMessage(std::string_view message) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string text;
  text.reserve(message.size());
  while (!message.empty()) {
    const std::size_t bytes = Utf8CodePointBytes(message);
    text += bytes == 0 ? kReplacement : message.substr(0, bytes);
    message.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  std::string out = R"({"message":)";
  AppendJsonString(out, text);
  out += '}';
  return out;
}

HttpResponse MessageResponse(int status, std::string_view message, std::string_view handler) {
  HttpResponse response;
  response.status = status;
  response.body = EncodeMessage(message);
  response.handler = handler;
  return response;
}

}  // namespace target_eye
