#pragma once

#include <string_view>

#include "http/http_handler.h"
#include "publish/http_sd/http_sd_publisher.h"
#include "util/seldom.h"

namespace target_eye {

// `GET /-/sd`: the groups as Prometheus's http_sd_configs take them. docs/api.md describes it for
// its users.
class SdPage {
 public:
  // `lists` must outlive it. `meta_labels`: what holds if a request does not say.
  SdPage(HttpSdPublisher& lists, bool meta_labels) : lists_(lists), meta_labels_(meta_labels) {}

  // Answers a GET or HEAD, at once or from the thread that renders, until when this must live. From
  // any thread.
  void Handle(const HttpRequest& request, HttpHandler::Respond respond) const;

 private:
  // Of what is probably not what the client wanted: in a header of the answer, since the list has
  // no room for it, and now and then in a line of the log.
  void Warn(std::string_view query, std::string what, HttpResponse& response) const;

  HttpSdPublisher& lists_;
  const bool meta_labels_;
  mutable Seldom warned_{std::chrono::minutes(1)};
};

// How a list may be sent, by the value of Accept-Encoding (RFC 9110 section 12.5.3): gzip only to
// those who prefer it by name, or who refuse the plain form and take gzip. Elements that are
// malformed count for nothing.
enum class SdCoding { kPlain, kGzip, kNeither };
SdCoding ChooseCoding(std::string_view accept_encoding);

// Whether `etag` is named by the value of If-None-Match (RFC 9110 section 13.1.2): `*`, or a list
// that has it, weak or not. A malformed value names nothing from where it is malformed.
bool NamesEtag(std::string_view if_none_match, std::string_view etag);

}  // namespace target_eye
