#include "http/wire/http2_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "http/wire/chars.h"
#include "util/ascii.h"
#include "util/let_go.h"

namespace target_eye {
namespace {

using boost::beast::http::field;

constexpr std::size_t kFieldOverhead = 32;

// RFC 9113 section 8.2.2: how a connection is used is not a request's to say.
constexpr std::array<std::string_view, 5> kConnectionFields = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

Refusal Bad(std::string message) { return {400, std::move(message)}; }

std::optional<Refusal> CheckField(std::string_view name, std::string_view value) {
  const auto is_name = [](char c) { return IsTokenChar(c) && !(c >= 'A' && c <= 'Z'); };
  if (name.empty() || !std::ranges::all_of(name, is_name)) {
    return Bad("a header field has a name with a character that is not allowed");
  }
  if (!std::ranges::all_of(value, IsFieldValueChar)) {
    return Bad("a header field has a control character in its value");
  }
  if (TrimBlanks(value) != value) {
    return Bad("a header field has white space around its value");
  }
  if (std::ranges::find(kConnectionFields, name) != kConnectionFields.end() ||
      (name == "te" && value != "trailers")) {
    return Bad(fmt::format("the header field `{}` is not allowed in HTTP/2", name));
  }
  return std::nullopt;
}

}  // namespace

void Http2Head::Refuse(Refusal refusal) {
  if (!refusal_) refusal_ = std::move(refusal);
}

void Http2Head::Clear() {
  LetGo(bytes_);
  LetGo(fields_);
  path_ = authority_ = scheme_ = method_ = {};
}

Http2Head::Span Http2Head::Keep(std::string_view text) {
  const Span span{bytes_.size(), text.size(), true};
  bytes_ += text;
  return span;
}

void Http2Head::Add(std::string_view name, std::string_view value) {
  if (refusal_) return;
  size_ += name.size() + value.size() + kFieldOverhead;
  if (name == ":path" && value.size() > limits_.target_bytes) {
    path_ = Keep(value.substr(0, limits_.target_bytes));
    return Refuse(
        {414, fmt::format("the request target must be at most {} bytes", limits_.target_bytes)});
  }
  if (size_ > limits_.header_bytes) {
    return Refuse({431, fmt::format("the header must be at most {} bytes, 32 counted on top for "
                                    "each field",
                                    limits_.header_bytes)});
  }
  if (name.starts_with(':')) return AddPseudo(name, value);
  if (fields_.size() == limits_.fields) {
    return Refuse(
        {431, fmt::format("a request must have at most {} header fields", limits_.fields)});
  }
  if (auto refusal = CheckField(name, value)) return Refuse(*std::move(refusal));
  fields_.push_back({Keep(name), Keep(value)});
}

void Http2Head::AddPseudo(std::string_view name, std::string_view value) {
  static constexpr std::array<std::pair<std::string_view, Span Http2Head::*>, 4> kPseudo = {{
      {":method", &Http2Head::method_},
      {":scheme", &Http2Head::scheme_},
      {":authority", &Http2Head::authority_},
      {":path", &Http2Head::path_},
  }};
  const auto* known = std::ranges::find(kPseudo, name, [](const auto& p) { return p.first; });
  if (known == kPseudo.end()) return Refuse(Bad("an unknown pseudo header field"));
  Span& span = this->*known->second;
  if (span.set || !fields_.empty()) {
    return Refuse(Bad("pseudo header fields must come first, and once"));
  }
  span = Keep(value);
}

std::optional<Refusal> Http2Head::Finish(RequestHead& head) {
  head.Clear();
  head.method = View(method_);
  head.target = View(path_);
  head.version = 20;
  if (authority_.set) head.fields.push_back({field::host, "Host", View(authority_)});
  bool other_host = false;
  for (const Field& f : fields_) {
    const std::string_view name = View(f.name);
    const field id = boost::beast::http::string_to_field({name.data(), name.size()});
    if (id == field::host && authority_.set) {
      // RFC 9113 section 8.3.1: it says the same once more.
      other_host |= !EqualsIgnoringCase(View(f.value), View(authority_));
    } else {
      head.fields.push_back({id, name, View(f.value)});
    }
  }
  if (refusal_) return refusal_;
  if (!IsToken(head.method)) return Bad("a request must have a method");
  if (!path_.set || head.target.empty()) return Bad("a request must have a path");
  if (!EqualsIgnoringCase(View(scheme_), "https") && !EqualsIgnoringCase(View(scheme_), "http")) {
    return Bad("the scheme of a request must be https");
  }
  if (!head.target.starts_with('/') && head.target != "*") {
    return Bad("the request target must begin with `/`");
  }
  if (other_host) return Bad("Host names another host than the request's authority");
  return CheckTargetBytes(head.target);
}

}  // namespace target_eye
