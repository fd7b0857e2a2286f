#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/route.h"
#include "api/sd_page.h"
#include "http/http_handler.h"
#include "registry/target_registry.h"
#include "telemetry/metrics.h"

namespace target_eye {

// The pages that not every service has.
struct ApiPages {
  // Reads certificates, web config and access file again, and then calls `done` once, from any
  // thread, with what went wrong, or with nothing. Called on an I/O thread; must not block.
  using Reload = std::function<void(std::move_only_function<void(std::string error)> done)>;

  const SdPage* sd = nullptr;  // `/-/sd`; none: no such page.
  // What keeps lists from being shown for the moment, which is answered with 503; empty: nothing.
  std::function<std::string()> sd_withheld = {};
  Reload reload = {};  // `POST /-/reload`; empty: refused, with what to set.
};

// The REST API on `/<application>/<environment>` and the service's own pages: all of kRoutes.
// docs/api.md describes it for its users.
class Api : public HttpHandler {
 public:
  // What keeps the service from being ready, for a person to read; empty when it is ready. Called
  // on any I/O thread; must not block.
  using NotReady = std::function<std::string()>;

  Api(TargetRegistry& registry, Metrics& metrics, NotReady not_ready, ApiPages pages = {});

  void Handle(const HttpRequest& request, Respond respond) override;
  PathRules RulesOf(std::string_view path) const override { return RouteOf(path).rules; }

 private:
  // Each is asked with a method that its route allows, other than OPTIONS.
  void HandleGroup(const HttpRequest& request, GroupKey key, Respond respond);
  void HandleList(const HttpRequest& request, Respond respond) const;
  void HandleReload(const HttpRequest& request, Respond respond) const;
  HttpResponse RenderMetrics() const;
  HttpResponse TellReady() const;
  // The answer to a path that names neither a group nor a page, for the reason `error`: says what
  // there is.
  HttpResponse NoSuchPage(std::string_view path, Error error) const;

  TargetRegistry& registry_;
  Metrics& metrics_;
  NotReady not_ready_;
  const SdPage* const sd_;
  const std::function<std::string()> sd_withheld_;
  const ApiPages::Reload reload_;
};

}  // namespace target_eye
