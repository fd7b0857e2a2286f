#pragma once

#include <string_view>

#include "http/http_handler.h"

namespace target_eye {

// Lets pages of the listed origins, which the framing gate let in, use what stands behind it: their
// answers carry the header fields by which a browser shows them to the page (the CORS protocol,
// https://fetch.spec.whatwg.org/#http-cors-protocol), and the question that a browser asks before
// it sends such a request is answered here, since it comes without credentials.
class CrossOrigin : public HttpHandler {
 public:
  // `next` must outlive it.
  explicit CrossOrigin(HttpHandler& next) : next_(next) {}

  void Handle(const HttpRequest& request, Respond respond) override;
  void HandleHead(const HttpRequest& request, Respond respond) override;
  PathRules RulesOf(std::string_view path) const override { return next_.RulesOf(path); }

 private:
  HttpHandler& next_;
};

}  // namespace target_eye
