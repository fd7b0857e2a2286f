#include "api/cross_origin.h"

#include <string>
#include <utility>

namespace target_eye {
namespace {

void Allow(std::string origin, HttpResponse& response) {
  response.headers.push_back({"Access-Control-Allow-Origin", std::move(origin)});
  response.headers.push_back({"Access-Control-Allow-Credentials", "true"});
  for (HttpHeader& header : response.headers) {
    if (header.name != "Vary") continue;
    header.value += ", Origin";
    return;
  }
  response.headers.push_back({"Vary", "Origin"});
}

// Hands the answer to `respond`, with what lets a page of `origin` read it.
HttpHandler::Respond WithPermission(std::string origin, HttpHandler::Respond respond) {
  return [origin = std::move(origin), respond = std::move(respond)](HttpResponse response) mutable {
    Allow(std::move(origin), response);
    response.headers.push_back(
        {"Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id"});
    respond(std::move(response));
  };
}

}  // namespace

void CrossOrigin::Handle(const HttpRequest& request, Respond respond) {
  if (request.allowed_origin.empty()) {
    next_.Handle(request, std::move(respond));
    return;
  }
  std::string origin(request.allowed_origin);
  if (request.method == "OPTIONS") {
    HttpResponse response{.status = 204, .body = {}, .headers = {}, .handler = "server"};
    Allow(std::move(origin), response);
    response.headers.push_back({"Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, DELETE"});
    response.headers.push_back({"Access-Control-Allow-Headers",
                                "Authorization, Content-Type, If-None-Match, X-Request-Id"});
    response.headers.push_back({"Access-Control-Max-Age", "600"});
    respond(std::move(response));
    return;
  }
  next_.Handle(request, WithPermission(std::move(origin), std::move(respond)));
}

void CrossOrigin::HandleHead(const HttpRequest& request, Respond respond) {
  if (!request.allowed_origin.empty()) {
    respond = WithPermission(std::string(request.allowed_origin), std::move(respond));
  }
  next_.HandleHead(request, std::move(respond));
}

}  // namespace target_eye
