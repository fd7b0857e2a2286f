#pragma once

#include <algorithm>
#include <array>
#include <string_view>

#include "http/http_handler.h"

namespace target_eye {

// What a caller must be allowed to use a route; AccessGate asks the policy.
enum class AskedRight {
  kNothing,  // Always open: credentials are not looked at.
  kLogin,    // To be somebody.
  kMetrics,  // The page `metrics` of the access file.
  kReload,   // Its page `reload`.
  kList,     // To read any group, or its page `sd`.
  kGroup,    // To read the group for GET, HEAD and OPTIONS; to write it for all other methods.
};

// One row of the table of all that is served.
struct Route {
  enum class Id { kHealthy, kReady, kMetrics, kList, kReload, kNoPage, kGroup };

  Id id;
  // As it is written in messages and documents. Where it ends in `...`, all that begins with what
  // is before that.
  std::string_view path;
  std::string_view methods;  // The value of Allow.
  AskedRight right;
  PathRules rules;           // What the server itself does by.
  std::string_view handler;  // The word by which the metrics know who answered.

  bool Allows(std::string_view method) const;
};

// The one table that dispatch, access and limits read. A path belongs to the first row that it
// fits.
//
// The service's own pages are answered at REQUEST_LIMIT, too: somebody must see what goes on. The
// health pages are for any host: load balancers ask for health by address, and there is nothing to
// read.
inline constexpr auto kRoutes = std::to_array<Route>({
    {.id = Route::Id::kMetrics,
     .path = "/metrics",
     .methods = "GET, HEAD, OPTIONS",
     .right = AskedRight::kMetrics,
     .rules = {.exempt_from_request_limit = true, .any_host = false, .linkable = false},
     .handler = "metrics"},
    {.id = Route::Id::kHealthy,
     .path = "/-/healthy",
     .methods = "GET, HEAD, OPTIONS",
     .right = AskedRight::kNothing,
     .rules = {.exempt_from_request_limit = true, .any_host = true, .linkable = true},
     .handler = "healthy"},
    {.id = Route::Id::kReady,
     .path = "/-/ready",
     .methods = "GET, HEAD, OPTIONS",
     .right = AskedRight::kNothing,
     .rules = {.exempt_from_request_limit = true, .any_host = true, .linkable = true},
     .handler = "ready"},
    {.id = Route::Id::kList,
     .path = "/-/sd",
     .methods = "GET, HEAD, OPTIONS",
     .right = AskedRight::kList,
     .rules = {.exempt_from_request_limit = true, .any_host = false, .linkable = true},
     .handler = "sd"},
    {.id = Route::Id::kReload,
     .path = "/-/reload",
     .methods = "POST, OPTIONS",
     .right = AskedRight::kReload,
     .rules = {.exempt_from_request_limit = true, .any_host = false, .linkable = true},
     .handler = "reload"},
    // Application `-` is the service's own: no group, and no page either.
    {.id = Route::Id::kNoPage,
     .path = "/-/...",
     .methods = "",
     .right = AskedRight::kLogin,
     .rules = {.exempt_from_request_limit = true, .any_host = false, .linkable = true},
     .handler = "unknown"},
    // All other paths. Who is logged in is told what is wrong with one that names no group.
    {.id = Route::Id::kGroup,
     .path = "/...",
     .methods = "GET, HEAD, PUT, POST, DELETE, OPTIONS",
     .right = AskedRight::kGroup,
     .rules = {.exempt_from_request_limit = false, .any_host = false, .linkable = false},
     .handler = "group"},
});

constexpr bool IsRouteOf(const Route& route, std::string_view path) {
  if (!route.path.ends_with("...")) return path == route.path;
  return path.starts_with(route.path.substr(0, route.path.size() - 3));
}

// The route of `path`, which is as HttpRequest::path has it: not decoded, and begins with `/`.
constexpr const Route& RouteOf(std::string_view path) {
  const auto* const found =
      std::ranges::find_if(kRoutes, [&](const Route& route) { return IsRouteOf(route, path); });
  return found == kRoutes.end() ? kRoutes.back() : *found;
}

inline bool Route::Allows(std::string_view method) const {
  std::string_view rest = methods;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(", "), rest.size());
    if (rest.substr(0, comma) == method) return true;
    rest.remove_prefix(std::min(comma + 2, rest.size()));
  }
  return false;
}

}  // namespace target_eye
