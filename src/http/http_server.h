#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "http/http_handler.h"
#include "model/error.h"
#include "telemetry/metrics.h"

namespace target_eye {

class TlsContext;

// A header field that is added to every response.
struct ResponseField {
  std::string name;   // A token (RFC 9110 section 5.6.2).
  std::string value;  // Visible ASCII, spaces and tabs.
};

struct HttpServerOptions {
  // `host:port` (port 0: any free one), `[v6]:port`, `unix:PATH`, `fd://N`.
  // HTTPS once there is a TlsContext.
  std::vector<std::string> bind = {"127.0.0.1:12345"};
  // The same, but plain in any case.
  std::vector<std::string> insecure_bind = {};
  int backlog = 1024;
  int threads = 1;  // I/O threads, each with its own event loop.
  std::size_t body_limit_bytes = 1 << 20;
  std::size_t header_limit_bytes = 16 << 10;
  std::size_t target_limit_bytes = 8 << 10;
  std::size_t header_field_limit = 100;
  std::size_t connection_limit = 10000;
  // Connections of one client address, those on unix sockets apart, and those of trusted proxies
  // that do not tell whom a connection is from; 0: as many as it likes.
  std::size_t client_connection_limit = 0;
  // Requests that wait for the handler's answer at once, over all connections; one more gets 503,
  // unless its path is exempt (PathRules). 0: no limit.
  std::size_t request_limit = 0;
  // Bytes of the requests that are received or handled at once, over all connections, without the
  // first kFreeRequestBytes of each connection; a request beyond that gets 503. As many again of
  // answers that their clients have not taken; a large answer beyond that becomes 503, a small one
  // is cut off. 0: no limits.
  std::size_t buffer_limit_bytes = 0;
  // Requests a second of one client address; 0: as many as it likes.
  std::size_t client_rate_limit = 0;
  // From the end of one response to the first byte of the next request.
  std::chrono::milliseconds keep_alive_timeout{75'000};
  // From a request's first byte to its last, header and body together.
  std::chrono::milliseconds read_timeout{30'000};
  // For a client to take more of its response.
  std::chrono::milliseconds write_timeout{30'000};
  // From a connection's beginning to the end of its TLS handshake.
  std::chrono::milliseconds ssl_handshake_timeout{10'000};
  // HTTP/2: requests at once on one connection; bytes of a request's header, by the reckoning of
  // RFC 9113 section 6.5.2; bytes of a frame's payload, 16384-16777215.
  std::size_t h2_max_concurrent_streams = 100;
  std::size_t h2_max_header_list_size = 64 << 10;
  std::size_t h2_max_inbound_frame_size = 16 << 10;
  // Peers that are believed when they tell of a client, by X-Forwarded-For, Forwarded or the PROXY
  // protocol; as TrustedProxies::Parse takes them.
  std::vector<std::string> trusted_proxies = {};
  // Empty: any Host is served; else PathRules tells what is served to any other.
  std::vector<std::string> server_names;
  // Origins of pages that may send requests from a browser, beside its own: `https://host:port`.
  std::vector<std::string> allowed_origins = {};
  std::string root_path;  // Empty, or `/prefix`.
  bool include_server_header = true;
  std::string access_log;  // Empty: none; `-`: standard output; or a path.
  std::string access_log_format;
  int unix_socket_mode = 0660;
  // Added to every response that does not say otherwise itself; UseResponseHeaders changes them.
  std::vector<ResponseField> response_headers = {};
};

// An HTTP server on TCP and unix sockets, HTTP/1.1 and, by ALPN on TLS, HTTP/2: listeners,
// sessions, limits and deadlines, and the framing gate (RFC 9112, RFC 9113; refusals are listed in
// docs/api.md). Every response of its own making, such as a refusal, is JSON: {"message": "..."}.
//
// A request's X-Request-Id, if it is 1-128 bytes of [A-Za-z0-9._:/+=-], goes back with the answer;
// an error's answer has one in any case.
//
// Threads: Listen, Start, Stop are called by one thread, in this order. The handler is called on
// the I/O threads.
class HttpServer {
 public:
  HttpServer(HttpServerOptions options, HttpHandler& handler, Metrics& metrics);
  ~HttpServer();

  // Binds and listens on all addresses, or none. Errors name the address and what to do (kInUse,
  // kIo, kInvalid).
  Expected<void> Listen();

  // What was bound, as `bind` spells it, with the real ports; first `bind`, then `insecure_bind`;
  // after Listen.
  const std::vector<std::string>& addresses() const;
  // Whether connections to addresses()[index] are TLS from now on.
  bool IsTls(std::size_t index) const;

  // Makes `bind` HTTPS; new connections use `context`, open ones keep theirs. From any thread, at
  // any time.
  void UseTls(std::shared_ptr<const TlsContext> context);
  // What is added to every response from now on, in place of options.response_headers. From any
  // thread, at any time.
  void UseResponseHeaders(std::vector<ResponseField> headers);

  // Starts the I/O threads: connections are served from here on. Throws a std::system_error where
  // the system has no room for them; nothing is left running then.
  void Start();

  // Accepts no more, closes idle connections, lets requests under way end and their answers be
  // sent, until `timeout`; what is left then is cut off. Returns the number that was cut.
  std::size_t Stop(std::chrono::milliseconds timeout);

  // Opens the access log again under its name, after a rotation. Safe to call from any thread.
  void ReopenAccessLog();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace target_eye
