#include "http/message_body.h"

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

}  // namespace target_eye
