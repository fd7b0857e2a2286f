#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/response_stream.h"
#include "model/group_set.h"
#include "tls/peer_certificate.h"

namespace target_eye {

struct HttpRequest;

// Is told of each stream that is made for a request, and may end it later.
class StreamWatch {
 public:
  virtual ~StreamWatch() = default;
  virtual void OnStream(const HttpRequest& request,
                        const std::shared_ptr<ResponseStream>& stream) = 0;
};

// A request that passed the framing gate, whole. The views are good until the response is given.
struct HttpRequest {
  std::string_view method;  // As it was sent: methods are case-sensitive (RFC 9110 section 9.1).
  std::string_view target;  // As it was sent.
  std::string_view path;    // Before `?`, not decoded, ROOT_PATH taken off; in origin form.
  std::string_view query;   // After `?`, without it.
  std::string_view content_type;        // Empty if there is none.
  std::string_view authorization = {};  // Of these three, too.
  std::string_view accept_encoding =
      {};  // Where it was sent more than once: the lines joined by `, `.
  std::string_view if_none_match = {};  // The same.
  // The Origin, if it is that of a page elsewhere that may use this service; mostly empty.
  std::string_view allowed_origin = {};
  std::string_view body;
  std::string_view peer;  // `127.0.0.1:4711`, `[::1]:4711`, or `unix`.
  std::string_view request_id =
      {};  // The client's X-Request-Id, or one of our making; for the logs.
  // Whom the client's certificate names; null if none was shown and checked.
  const PeerCertificate* certificate = nullptr;
  // Who it is from, as the access gate found out: `user:alice`, `token:ci`, or `certificate:` with
  // the subject, which may hold any bytes; empty if nobody proved anything. Good until Handle
  // returns.
  std::string_view caller = {};
  // What a list of groups may show: set by the access gate for /-/sd; null: all.
  std::shared_ptr<const GroupSet> listed_groups = nullptr;
  // See MakeStream. Good until Handle returns; null: nobody wants to know.
  StreamWatch* stream_watch = nullptr;
};

// A stream that answers `request`; its maker's end, and the one for HttpResponse::stream. Only
// inside Handle. Whoever has let the request in may end the stream when its right is taken away.
std::pair<std::shared_ptr<ResponseStream>, StreamReader> MakeStream(const HttpRequest& request);

struct HttpHeader {
  std::string_view name;  // A literal.
  std::string value;
};

struct HttpResponse {
  int status = 200;
  std::string_view content_type = "application/json";  // A literal.
  std::string body;
  // Sent in place of `body` if it is set; for what many clients are sent.
  std::shared_ptr<const std::string> shared_body = nullptr;
  // More of the body, behind the bytes above, for as long as there is news. The server ends it when
  // it stops. On HTTP/1.1 the connection is closed after it. The access log and the metrics show
  // the answer when it begins.
  StreamReader stream = {};
  // Beyond Date, Server, Content-Type, Content-Length and Connection, which the session writes.
  std::vector<HttpHeader> headers;
  // The word by which the metrics know who answered; a literal.
  std::string_view handler = "unknown";
  // HttpRequest::caller, for the access log; empty if nobody proved anything.
  std::string caller = {};
};

// The bytes that the response carries, whichever member they are in.
inline std::string_view BodyOf(const HttpResponse& response) {
  return response.shared_body ? std::string_view(*response.shared_body)
                              : std::string_view(response.body);
}

// What the server decides by the path, before it asks the handler.
struct PathRules {
  // Answered although HttpServerOptions::request_limit is reached.
  bool exempt_from_request_limit = false;
  // Served for any Host, whatever HttpServerOptions::server_names says.
  bool any_host = false;
  // A browser may come here by a link on a page of another site, to read.
  bool linkable = false;
};

// Answers a request. Called on an I/O thread, or on a thread of a handler before it; must not
// block. `respond` is called exactly once, from any thread, inside Handle or later; if the client
// has gone by then, the response is dropped.
class HttpHandler {
 public:
  using Respond = std::move_only_function<void(HttpResponse)>;

  virtual ~HttpHandler() = default;
  virtual void Handle(const HttpRequest& request, Respond respond) = 0;

  // The same for a request whose body is not here yet, before any more of it is read: whoever may
  // not send it must not cost memory. The answer is final, or has status 100 and nothing else: then
  // Handle is called with the whole request, once its body has come. A client that waits for 100
  // (RFC 9110 section 10.1.1) is told so.
  virtual void HandleHead(const HttpRequest& /*request*/, Respond respond) {
    respond({.status = 100, .body = {}, .headers = {}});
  }

  // `path`: as HttpRequest::path has it. Called for each request, on any I/O thread, before Handle.
  // A handler that stands before another one returns what that one does.
  virtual PathRules RulesOf(std::string_view /*path*/) const { return {}; }
};

}  // namespace target_eye
