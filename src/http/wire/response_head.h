#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/http_handler.h"
#include "http/http_server.h"

namespace target_eye {

// The phrase that goes with a status, `OK` for 200; "Unknown" for one that this program does not
// use.
std::string_view StatusPhrase(int status);

// What becomes of the connection, as the client must be told.
enum class ConnectionHeader {
  kNone,
  kClose,
  kKeepAlive,
  kCloseAfterChunks,  // The body comes in chunks (RFC 9112 section 7.1).
};

// What every response has, as whole lines.
struct StandardFields {
  struct Line {
    std::string name;
    std::string line;
  };

  // `configured` are added to every response, with X-Content-Type-Options: nosniff and
  // Cache-Control: no-store unless they hold these too. A field of a response's own comes first.
  void Set(std::string_view date_and_server, std::span<const ResponseField> configured);

  std::string own;           // Date, Server.
  std::vector<Line> others;  // What a response may set itself.
  std::string all;           // Both.
};

// Appends the status line and header of `response`, with the empty line. A 204 or 304 gets no
// Content-Type and no Content-Length, a stream no Content-Length. `request_id` is sent as
// X-Request-Id unless it is empty.
void AppendResponseHead(const HttpResponse& response, const StandardFields& standard,
                        ConnectionHeader connection, std::string_view request_id, std::string& out);

}  // namespace target_eye
