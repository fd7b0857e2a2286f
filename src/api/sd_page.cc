#include "api/sd_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "api/api_response.h"
#include "codec/sd_query.h"
#include "http/message_body.h"
#include "telemetry/log.h"
#include "util/ascii.h"
#include "util/clock.h"

namespace target_eye {
namespace {

constexpr std::string_view kHandler = "sd";

// Takes what comes before the next `separator` off `rest`.
std::string_view Take(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return TrimBlanks(taken);
}

// A weight (RFC 9110 section 12.4.2) in thousandths.
std::optional<int> ParseWeight(std::string_view text) {
  constexpr std::size_t kMostCharacters = 5;
  if (text.empty() || text.size() > kMostCharacters || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return std::nullopt;
  }
  int weight = (text[0] - '0') * 1000;
  int worth = 100;
  for (const char c : text.substr(std::min<std::size_t>(text.size(), 2))) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    weight += (c - '0') * worth;
    worth /= 10;
  }
  return weight <= 1000 ? std::optional(weight) : std::nullopt;
}

// `gzip;q=0.5`, as its name and its weight.
std::optional<std::pair<std::string_view, int>> ParseCoding(std::string_view element) {
  const std::string_view name = Take(element, ';');
  if (element.empty()) {
    return std::pair(name, 1000);
  }
  const std::string_view parameter = TrimBlanks(element);
  if (parameter.size() < 2 || !EqualsIgnoringCase(parameter.substr(0, 2), "q=")) {
    return std::nullopt;
  }
  const auto weight = ParseWeight(parameter.substr(2));
  if (!weight) {
    return std::nullopt;
  }
  return std::pair(name, *weight);
}

// `is_share`: what it shows is for one caller, and no cache between may keep it for another.
HttpResponse ListResponse(const SdList& list, SdCoding coding, std::string_view if_none_match,
                          bool is_share) {
  HttpResponse response{.body = {}, .headers = {}, .handler = kHandler};
  // What a 304 must say again (RFC 9110 section 15.4.5), and what goes with the list anyway.
  response.headers = {{"ETag", list.etag},
                      {"Vary", "Accept-Encoding"},
                      {"Cache-Control", is_share ? "private, no-cache" : "no-cache"}};
  if (NamesEtag(if_none_match, list.etag)) {
    response.status = 304;
    response.content_type = {};
    return response;
  }
  if (coding == SdCoding::kGzip) {
    response.headers.push_back({"Content-Encoding", "gzip"});
  }
  response.shared_body = list.bytes;
  return response;
}

// Empty where nothing is.
std::string WhatIsWrong(const SdCount& count, std::string_view doubt) {
  std::string what;
  if (count.selected == 0 && count.visible > 0) {
    what = fmt::format("the query selects none of {} groups; values are globs, such as web-*",
                       count.visible);
  }
  if (!doubt.empty()) what += fmt::format("{}{}", what.empty() ? "" : "; ", doubt);
  return what;
}

HttpResponse NotAcceptable() {
  return {.status = 406,
          .body = EncodeMessage("Accept-Encoding: expected gzip or identity among what is taken") +
                  "\n",
          .headers = {{"Vary", "Accept-Encoding"}},
          .handler = kHandler};
}

}  // namespace

void SdPage::Handle(const HttpRequest& request, HttpHandler::Respond respond) const {
  auto query = ParseSdQuery(request.query);
  if (!query) {
    respond(ErrorResponse(query.error(), kHandler));
    return;
  }
  const SdCoding coding = ChooseCoding(request.accept_encoding);
  if (coding == SdCoding::kNeither) {
    respond(NotAcceptable());
    return;
  }
  const bool is_share = request.listed_groups != nullptr;
  const bool selects = !query->selector.selects_all();
  std::string doubt = query->selector.Doubt();
  lists_.Get({.selector = std::move(query->selector),
              .visible = request.listed_groups,
              .meta_labels = query->meta_labels.value_or(meta_labels_),
              .gzip = coding == SdCoding::kGzip},
             [this, coding, is_share, selects, doubt = std::move(doubt),
              text = std::string(selects ? request.query : ""),
              if_none_match = std::string(request.if_none_match),
              respond = std::move(respond)](const Expected<SdList>& list) mutable {
               if (!list) return respond(ErrorResponse(list.error(), kHandler));
               HttpResponse response = ListResponse(*list, coding, if_none_match, is_share);
               std::string wrong = selects ? WhatIsWrong(list->count, doubt) : "";
               if (!wrong.empty()) Warn(text, std::move(wrong), response);
               respond(std::move(response));
             });
}

void SdPage::Warn(std::string_view query, std::string what, HttpResponse& response) const {
  constexpr std::size_t kMostOfQuery = 200;
  if (const auto left_out = warned_.Take(SystemClock().Now())) {
    Log(LogLevel::kWarning, "a query of /-/sd is probably not what was meant",
        {{"query", query.substr(0, kMostOfQuery)}, {"why", what}, {"left_out_before", *left_out}});
  }
  // A header is no place for what is beyond ASCII.
  std::ranges::replace_if(what, [](char c) { return c < ' ' || c > '~'; }, '?');
  response.headers.push_back({"X-Target-Eye-Warning", std::move(what)});
}

SdCoding ChooseCoding(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> identity;
  std::optional<int> others;
  while (!accept_encoding.empty()) {
    const auto coding = ParseCoding(Take(accept_encoding, ','));
    if (!coding) {
      continue;
    }
    const auto& [name, weight] = *coding;
    if (EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip")) {
      gzip = weight;
    } else if (EqualsIgnoringCase(name, "identity")) {
      identity = weight;
    } else if (name == "*") {
      others = weight;
    }
  }
  // The plain form is taken wherever it is not excluded.
  const bool takes_plain = identity.value_or(others.value_or(1)) > 0;
  const bool takes_gzip = gzip.value_or(others.value_or(0)) > 0;
  if (takes_plain) {
    const bool prefers_gzip = gzip.value_or(0) > 0 && *gzip >= identity.value_or(0);
    return prefers_gzip ? SdCoding::kGzip : SdCoding::kPlain;
  }
  return takes_gzip ? SdCoding::kGzip : SdCoding::kNeither;
}

bool NamesEtag(std::string_view if_none_match, std::string_view etag) {
  std::string_view rest = TrimBlanks(if_none_match);
  if (rest == "*") {
    return true;
  }
  while (!rest.empty()) {
    if (std::string_view(" \t,").contains(rest.front())) {
      rest.remove_prefix(1);
      continue;
    }
    if (rest.starts_with("W/")) {
      rest.remove_prefix(2);
    }
    const std::size_t end = rest.starts_with('"') ? rest.find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      return false;
    }
    if (rest.substr(0, end + 1) == etag) {
      return true;
    }
    rest.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace target_eye
