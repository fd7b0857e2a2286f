#include "api/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/api_response.h"
#include "codec/body.h"
#include "codec/change_query.h"
#include "codec/percent.h"
#include "http/message_response.h"

namespace target_eye {
namespace {

constexpr std::string_view kGroupMethods = "GET, HEAD, PUT, POST, DELETE, OPTIONS";
constexpr std::string_view kPageMethods = "GET, HEAD, OPTIONS";
constexpr std::string_view kReloadMethods = "POST, OPTIONS";

constexpr std::string_view kSdPage = "/-/sd";
constexpr auto kPages =
    std::to_array<std::string_view>({"/metrics", "/-/healthy", "/-/ready", kSdPage, "/-/reload"});

// `user:alice@127.0.0.1:4711`, or the address alone where nobody proved to be somebody.
std::string ChangedBy(const HttpRequest& request) {
  std::string who(request.caller);
  if (!who.empty()) {
    who += '@';
  }
  return who += request.peer;
}

// A list of the one group, as Prometheus's file_sd has it, or of none.
HttpResponse GroupResponse(const StoredGroup* group) {
  HttpResponse response{.body = {}, .headers = {}, .handler = "group"};
  if (group == nullptr) {
    response.body = "[]\n";
    return response;
  }
  response.body.reserve(group->json.size() + 3);
  response.body += '[';
  response.body += group->json;
  response.body += "]\n";
  return response;
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
  if (request.path == kSdPage && sd_ != nullptr) {
    HandleSd(request, std::move(respond));
    return;
  }
  if (request.path == "/-/reload") {
    HandleReload(request, std::move(respond));
    return;
  }
  if (request.path.starts_with("/-/") || request.path == "/metrics") {
    respond(Page(request));
    return;
  }
  HandleGroup(request, std::move(respond));
}

HttpResponse Api::NoSuchPage(std::string_view path, Error error) const {
  std::string pages;
  for (const std::string_view page : kPages) {
    if (page == kSdPage && sd_ == nullptr) continue;
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

HttpResponse Api::Page(const HttpRequest& request) const {
  const bool healthy = request.path == "/-/healthy";
  const bool ready = request.path == "/-/ready";
  if (!healthy && !ready && request.path != "/metrics") {
    // Application `-` is the service's own: a data request on it is a mistake, not a missing page.
    return NoSuchPage(request.path, ParseGroupPath(request.path).error());
  }
  const std::string_view handler = healthy ? "healthy" : (ready ? "ready" : "metrics");
  if (request.method == "OPTIONS") {
    return OptionsResponse(kPageMethods, handler);
  }
  if (!IsRead(request.method)) {
    return MethodNotAllowed(request.method, kPageMethods, handler);
  }
  if (handler == "metrics") {
    metrics_.SetReady(not_ready_().empty());
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = metrics_.Render(),
            .headers = {},
            .handler = handler};
  }
  if (ready) {
    if (std::string reason = not_ready_(); !reason.empty()) {
      return ErrorResponse({ErrorCode::kUnavailable, std::move(reason)}, handler);
    }
  }
  return {.body = EncodeMessage(ready ? "target-eye is ready" : "target-eye is healthy") + "\n",
          .headers = {},
          .handler = handler};
}

void Api::HandleSd(const HttpRequest& request, Respond respond) const {
  static constexpr std::string_view kHandler = "sd";
  if (request.method == "OPTIONS") {
    respond(OptionsResponse(kPageMethods, kHandler));
  } else if (!IsRead(request.method)) {
    respond(MethodNotAllowed(request.method, kPageMethods, kHandler));
  } else if (std::string reason = sd_withheld_ ? sd_withheld_() : std::string(); !reason.empty()) {
    respond(ErrorResponse({ErrorCode::kUnavailable, std::move(reason)}, kHandler));
  } else {
    sd_->Handle(request, std::move(respond));
  }
}

void Api::HandleReload(const HttpRequest& request, Respond respond) const {
  static constexpr std::string_view kHandler = "reload";
  if (request.method == "OPTIONS") {
    respond(OptionsResponse(kReloadMethods, kHandler));
    return;
  }
  if (request.method != "POST") {
    respond(MethodNotAllowed(request.method, kReloadMethods, kHandler));
    return;
  }
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
    respond({.body = EncodeMessage("reloaded") + "\n", .headers = {}, .handler = kHandler});
  });
}

void Api::HandleGroup(const HttpRequest& request, Respond respond) {
  static constexpr std::string_view kHandler = "group";
  auto key = ParseGroupPath(request.path);
  if (!key) {
    respond(key.error().code == ErrorCode::kNotFound ? NoSuchPage(request.path, key.error())
                                                     : ErrorResponse(key.error(), kHandler));
    return;
  }
  if (IsRead(request.method)) {
    const StoredGroupPtr group = registry_.Find(*key);
    respond(GroupResponse(group.get()));
    return;
  }
  if (request.method == "OPTIONS") {
    respond(OptionsResponse(kGroupMethods, kHandler));
    return;
  }
  ChangeRequest change;
  if (request.method == "PUT") {
    change.method = Method::kPut;
  } else if (request.method == "POST") {
    change.method = Method::kPost;
  } else if (request.method == "DELETE") {
    change.method = Method::kDelete;
  } else {
    respond(MethodNotAllowed(request.method, kGroupMethods, kHandler));
    return;
  }
  const auto query = ParseChangeQuery(request.query, change.method);
  if (!query) {
    respond(ErrorResponse(query.error(), kHandler));
    return;
  }
  if (query->add) change.method = Method::kAdd;
  auto data = DecodeBody(request.content_type, request.body);
  if (!data) {
    respond(ErrorResponse(data.error(), kHandler));
    return;
  }
  change.key = std::move(*key);
  change.data = std::move(*data);
  registry_.Submit(
      std::move(change), ChangedBy(request),
      [respond = std::move(respond)](const Expected<StoredGroupPtr>& answer) mutable {
        respond(answer ? GroupResponse(answer->get()) : ErrorResponse(answer.error(), kHandler));
      });
}

}  // namespace target_eye
