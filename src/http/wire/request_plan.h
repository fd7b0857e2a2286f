#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http_handler.h"
#include "http/wire/request_head.h"

namespace target_eye {

// What a request whose bytes are in order (framing_gate.h) means. Nothing here does I/O, and all of
// it may be called from any thread.

struct RequestPolicy {
  std::size_t body_limit_bytes = 1 << 20;
  std::vector<std::string> server_names;  // Empty: any.
  std::string root_path;                  // Empty, or `/prefix`.
  // Whose pages may use a browser that reaches this service, beside its own: `https://host:port`.
  std::vector<std::string> allowed_origins = {};
  // HttpHandler::RulesOf; none: no path has any.
  std::function<PathRules(std::string_view path)> rules_of = {};
};

// How to go on with a request that is let in.
struct RequestPlan {
  std::string_view path;  // Root path taken off; `*` for the server as a whole.
  std::string_view query;
  std::string_view content_type;
  std::string_view authorization;
  std::string_view allowed_origin;  // The Origin, if it is not ours but a listed one.
  std::string_view request_id;      // The client's, if it sent a usable one.
  // Where there is more than one line, joined by `, `.
  std::string accept_encoding;
  std::string if_none_match;
  std::uint64_t content_length = 0;
  bool chunked = false;
  bool keep_alive = false;
  bool expects_continue = false;
  bool outside_root = false;  // `path` is not below the root path: there is no such page.
  PathRules rules = {};       // Of `path`; none for what is outside the root path, or `*`.

  bool has_body() const { return chunked || content_length > 0; }
};

// What a parsed request means, or why it is refused.
std::expected<RequestPlan, Refusal> PlanRequest(const RequestHead& head,
                                                const RequestPolicy& policy);

// What a server of this kind can do, for Allow.
inline constexpr std::string_view kAllMethods = "GET, HEAD, PUT, POST, DELETE, OPTIONS";

}  // namespace target_eye
