#include "http/http_handler.h"

namespace target_eye {

std::pair<std::shared_ptr<ResponseStream>, StreamReader> MakeStream(const HttpRequest& request) {
  auto ends = ResponseStream::Make();
  if (request.stream_watch != nullptr) request.stream_watch->OnStream(request, ends.first);
  return ends;
}

}  // namespace target_eye
