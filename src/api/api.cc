#include "api/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "api/api_response.h"
#include "codec/body.h"
#include "codec/change_query.h"
#include "codec/percent.h"
#include "http/message_body.h"
#include "publish/group_list.h"

namespace target_eye {
namespace {

// What the method alone decides; nothing where the route is to be asked.
std::optional<HttpResponse> AnswerByMethod(std::string_view method, const Route& route) {
  if (method == "OPTIONS") return OptionsResponse(route);
  if (!route.Allows(method)) return MethodNotAllowed(method, route);
  return std::nullopt;
}

// Of a method that the group's route allows, and that changes something.
Method ChangingMethod(std::string_view method) {
  if (method == "PUT") return Method::kPut;
  return method == "POST" ? Method::kPost : Method::kDelete;
}

HttpResponse Say(std::string_view message, std::string_view handler) {
  return {.body = EncodeMessage(message) + "\n", .headers = {}, .handler = handler};
}

// `user:alice@127.0.0.1:4711`, or the address alone where nobody proved to be somebody.
std::string ChangedBy(const HttpRequest& request) {
  std::string who(request.caller);
  if (!who.empty()) {
    who += '@';
  }
  return who += request.peer;
}

// A list of the one group, as Prometheus's file_sd has it, or of none.
HttpResponse GroupResponse(const StoredGroupPtr& group) {
  static const auto no_group = std::make_shared<const std::string>(kEmptyList);
  // Of the group's own text, which it keeps alive.
  using Body = std::shared_ptr<const std::string>;
  return {.body = {},
          .shared_body = group ? Body(group, &group->text.list()) : no_group,
          .headers = {},
          .handler = "group"};
}

}  // namespace

Api::Api(TargetRegistry& registry, Metrics& metrics, NotReady not_ready, ApiPages pages)
    : registry_(registry),
      metrics_(metrics),
      not_ready_(std::move(not_ready)),
      sd_(pages.sd),
      sd_withheld_(std::move(pages.sd_withheld)),
      reload_(std::move(pages.reload)) {}

void Api::Handle(const HttpRequest& request, Respond respond) {
  const Route& route = RouteOf(request.path);
  if (route.id == Route::Id::kGroup) {
    auto key = ParseGroupPath(request.path);
    if (!key) {
      respond(key.error().code == ErrorCode::kNotFound ? NoSuchPage(request.path, key.error())
                                                       : ErrorResponse(key.error(), route.handler));
    } else if (auto answer = AnswerByMethod(request.method, route)) {
      respond(*std::move(answer));
    } else {
      HandleGroup(request, *std::move(key), std::move(respond));
    }
    return;
  }
  if (route.id == Route::Id::kNoPage || (route.id == Route::Id::kList && sd_ == nullptr)) {
    // A data request on application `-` is a mistake, not a missing page.
    return respond(NoSuchPage(request.path, ParseGroupPath(request.path).error()));
  }
  if (auto answer = AnswerByMethod(request.method, route)) return respond(*std::move(answer));
  switch (route.id) {
    case Route::Id::kHealthy:
      return respond(Say("target-eye is healthy", route.handler));
    case Route::Id::kReady:
      return respond(TellReady());
    case Route::Id::kMetrics:
      return respond(RenderMetrics());
    case Route::Id::kList:
      return HandleList(request, std::move(respond));
    case Route::Id::kReload:
      return HandleReload(request, std::move(respond));
    case Route::Id::kNoPage:
    case Route::Id::kGroup:
      break;  // Above.
  }
}

HttpResponse Api::NoSuchPage(std::string_view path, Error error) const {
  std::string pages;
  for (const Route& route : kRoutes) {
    const std::string_view page = route.path;
    if (page.ends_with("...") || (route.id == Route::Id::kList && sd_ == nullptr)) continue;
    if (path.ends_with('/') && path.substr(0, path.size() - 1) == page) {
      error = {
          ErrorCode::kNotFound,
          fmt::format("path {}: expected {}, without the slash at the end", Quote(path), page)};
      return ErrorResponse(error, "unknown");
    }
    pages += pages.empty() ? "" : ", ";
    pages += page;
  }
  if (path == "/") {
    error.message = fmt::format(
        "this is target-eye, a registry of Prometheus scrape targets: expected "
        "/<application>/<environment>, or one of its pages: {}",
        pages);
  } else if (path.starts_with("/-/")) {
    error.message =
        fmt::format("path {}: expected one of the service's own pages: {}", Quote(path), pages);
  } else if (std::ranges::count(path, '/') < 2) {
    error.message += fmt::format(", or one of the service's own pages: {}", pages);
  }
  return ErrorResponse(error, "unknown");
}

HttpResponse Api::RenderMetrics() const {
  metrics_.SetReady(not_ready_().empty());
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = metrics_.Render(),
          .headers = {},
          .handler = "metrics"};
}

HttpResponse Api::TellReady() const {
  static constexpr std::string_view kHandler = "ready";
  if (std::string reason = not_ready_(); !reason.empty()) {
    return ErrorResponse({ErrorCode::kUnavailable, std::move(reason)}, kHandler);
  }
  return Say("target-eye is ready", kHandler);
}

void Api::HandleList(const HttpRequest& request, Respond respond) const {
  if (std::string reason = sd_withheld_ ? sd_withheld_() : std::string(); !reason.empty()) {
    respond(ErrorResponse({ErrorCode::kUnavailable, std::move(reason)}, "sd"));
  } else {
    sd_->Handle(request, std::move(respond));
  }
}

void Api::HandleReload(const HttpRequest& request, Respond respond) const {
  static constexpr std::string_view kHandler = "reload";
  // Like any change: what a query was to mean is not guessed.
  if (const auto query = ParseChangeQuery(request.query, Method::kPost); !query) {
    respond(ErrorResponse(query.error(), kHandler));
    return;
  }
  if (!reload_) {
    respond({.status = 403,
             .body = EncodeMessage("reloading by HTTP is off; turn it on with ENABLE_RELOAD "
                                   "(--web.enable-lifecycle), or send SIGHUP") +
                     "\n",
             .headers = {},
             .handler = kHandler});
    return;
  }
  reload_([respond = std::move(respond)](std::string error) mutable {
    if (!error.empty()) {
      respond(ErrorResponse({ErrorCode::kIo, "what was loaded before stays: " + std::move(error)},
                            kHandler));
      return;
    }
    respond(Say("reloaded", kHandler));
  });
}

void Api::HandleGroup(const HttpRequest& request, GroupKey key, Respond respond) {
  static constexpr std::string_view kHandler = "group";
  if (IsRead(request.method)) {
    respond(GroupResponse(registry_.Find(key)));
    return;
  }
  ChangeRequest change;
  change.method = ChangingMethod(request.method);
  const auto query = ParseChangeQuery(request.query, change.method);
  if (!query) {
    respond(ErrorResponse(query.error(), kHandler));
    return;
  }
  if (query->add) change.method = Method::kAdd;
  auto data = DecodeBody(request.content_type, request.body, registry_.group_limits());
  if (!data) {
    respond(ErrorResponse(data.error(), kHandler));
    return;
  }
  change.key = std::move(key);
  change.data = std::move(*data);
  registry_.Submit(
      std::move(change), ChangedBy(request),
      [respond = std::move(respond)](const Expected<StoredGroupPtr>& answer) mutable {
        respond(answer ? GroupResponse(*answer) : ErrorResponse(answer.error(), kHandler));
      });
}

}  // namespace target_eye
