#include "http/wire/request_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/http/verb.hpp>
#include <optional>

#include "http/wire/chars.h"
#include "http/wire/request_id.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using boost::beast::http::field;
using Result = std::optional<Refusal>;

// What PlanRequest looks at, gathered in one pass over the fields.
struct KnownFields {
  std::string_view host;
  std::string_view content_length;
  std::string_view transfer_encoding;
  std::string_view content_type;
  std::string_view authorization;
  int hosts = 0;
  int content_lengths = 0;
  int transfer_encodings = 0;
  int content_types = 0;
  int authorizations = 0;
  int origins = 0;
  bool content_encoding = false;
  bool expects_continue = false;
  bool expects_other = false;
  bool close = false;
  bool keep_alive = false;
  bool fetched_cross_site = false;
};

Refusal Bad(std::string_view what) { return {400, std::string(what)}; }

template <typename Visit>
void ForEachListItem(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (const std::string_view item = TrimBlanks(list.substr(0, comma)); !item.empty()) visit(item);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
}

void AppendListLine(std::string_view line, std::string& list) {
  if (!list.empty()) list += ", ";
  list += line;
}

KnownFields Gather(const RequestHead& head, RequestPlan& plan) {
  KnownFields known;
  for (const RequestField& f : head.fields) {
    switch (f.id) {
      case field::host:
        known.host = f.value;
        ++known.hosts;
        break;
      case field::content_length:
        known.content_length = f.value;
        ++known.content_lengths;
        break;
      case field::transfer_encoding:
        known.transfer_encoding = f.value;
        ++known.transfer_encodings;
        break;
      case field::content_type:
        known.content_type = f.value;
        ++known.content_types;
        break;
      case field::authorization:
        known.authorization = f.value;
        ++known.authorizations;
        break;
      case field::accept_encoding:
        AppendListLine(f.value, plan.accept_encoding);
        break;
      case field::if_none_match:
        AppendListLine(f.value, plan.if_none_match);
        break;
      case field::origin:
        ++known.origins;
        break;
      case field::content_encoding:
        known.content_encoding = true;
        break;
      case field::expect:
        known.expects_continue = true;
        known.expects_other |= !EqualsIgnoringCase(f.value, "100-continue");
        break;
      case field::connection:
        ForEachListItem(f.value, [&](std::string_view option) {
          known.close |= EqualsIgnoringCase(option, "close");
          known.keep_alive |= EqualsIgnoringCase(option, "keep-alive");
        });
        break;
      case field::sec_fetch_site:
        known.fetched_cross_site |=
            EqualsIgnoringCase(f.value, "cross-site") || EqualsIgnoringCase(f.value, "same-site");
        break;
      default:
        break;
    }
  }
  return known;
}

Result CheckTransferEncoding(const KnownFields& known, int version) {
  if (version < 11) return Bad("Transfer-Encoding is not accepted in HTTP/1.0");
  if (known.content_lengths > 0) {
    return Bad("Content-Length and Transfer-Encoding exclude each other");
  }
  if (known.transfer_encodings == 1 && EqualsIgnoringCase(known.transfer_encoding, "chunked")) {
    return std::nullopt;
  }
  static constexpr std::array<std::string_view, 7> kCodings = {
      "chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "identity"};
  const auto is_it = [&](std::string_view coding) {
    return EqualsIgnoringCase(known.transfer_encoding, coding);
  };
  if (known.transfer_encodings == 1 && IsToken(known.transfer_encoding) &&
      std::ranges::none_of(kCodings, is_it)) {
    return Refusal{501, "an unknown transfer coding; only `chunked` is supported"};
  }
  return Bad("Transfer-Encoding must be exactly one `chunked`");
}

Result TakeContentLength(std::string_view text, std::size_t limit, std::uint64_t& length) {
  if (text.empty() || !std::ranges::all_of(text, IsDigit)) {
    return Bad("Content-Length must be a decimal number");
  }
  length = 0;
  for (const char c : text) {
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
    if (length > limit) {
      return Refusal{413, fmt::format("the body must be at most {} bytes", limit)};
    }
  }
  return std::nullopt;
}

bool IsPort(std::string_view text) {
  return text.size() <= 5 && std::ranges::all_of(text, IsDigit);
}

// uri-host [ ":" port ] (RFC 3986 section 3.2.2), without the comma, which would let two hosts be
// one.
bool IsHost(std::string_view host) {
  std::string_view rest;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    const auto is_v6 = [](char c) { return HexValue(c) >= 0 || c == ':' || c == '.'; };
    if (!std::ranges::all_of(host.substr(1, end - 1), is_v6)) return false;
    rest = host.substr(end + 1);
  } else {
    const std::size_t end = std::min(host.find(':'), host.size());
    const auto is_name = [](char c) {
      return IsAlpha(c) || IsDigit(c) || std::string_view("-._~%!$&'()*+;=").contains(c);
    };
    if (end == 0 || !std::ranges::all_of(host.substr(0, end), is_name)) return false;
    rest = host.substr(end);
  }
  return rest.empty() || (rest.front() == ':' && IsPort(rest.substr(1)));
}

std::string_view WithoutPort(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
    return host;
  }
  return host.substr(0, colon);
}

Result CheckHost(const KnownFields& known, int version) {
  if (known.hosts > 1) return Bad("a request must have one Host");
  if (known.hosts == 0) {
    if (version < 11) return std::nullopt;
    return Bad("a request must have a Host");
  }
  if (!IsHost(known.host)) return Bad("Host must be `host` or `host:port`");
  return std::nullopt;
}

Result CheckMethod(std::string_view method) {
  using boost::beast::http::verb;
  const verb known = boost::beast::http::string_to_verb({method.data(), method.size()});
  if (known == verb::unknown) {
    Refusal refusal{501, "an unknown method", kAllMethods};
    ForEachListItem(kAllMethods, [&](std::string_view ours) {
      if (!EqualsIgnoringCase(ours, method)) return;
      refusal.message = fmt::format("method {}: methods are upper case; expected {}", method, ours);
    });
    return refusal;
  }
  if (known == verb::connect || known == verb::trace) {
    return Refusal{405, fmt::format("{} is not supported", method), kAllMethods};
  }
  return std::nullopt;
}

// `.` or `..`, whichever of the dots are percent-encoded (RFC 3986 section 5.2.4). Programs on the
// way take them out, so that what is asked for would be another thing with them than without.
bool IsDotSegment(std::string_view segment) {
  int dots = 0;
  while (!segment.empty()) {
    if (segment.front() == '.') {
      segment.remove_prefix(1);
    } else if (segment.starts_with("%2e") || segment.starts_with("%2E")) {
      segment.remove_prefix(3);
    } else {
      return false;
    }
    ++dots;
  }
  return dots == 1 || dots == 2;
}

Result CheckSegments(std::string_view path) {
  for (;;) {
    const std::size_t slash = path.find('/');
    if (IsDotSegment(path.substr(0, slash))) {
      return Bad(
          "the path must not have `.` or `..` between slashes, percent-encoded or not: "
          "programs on the way would rewrite it");
    }
    if (slash == std::string_view::npos) return std::nullopt;
    path.remove_prefix(slash + 1);
  }
}

// Sets path and query from a target in origin, absolute or asterisk form.
Result SplitTarget(const RequestHead& head, std::string_view host, RequestPlan& plan) {
  std::string_view target = head.target;
  if (target == "*") {
    if (head.method != "OPTIONS") return Bad("the target `*` is for OPTIONS only");
    plan.path = target;
    return std::nullopt;
  }
  if (!target.starts_with('/')) {
    const std::size_t scheme_end = target.find("://");
    const std::string_view scheme = target.substr(0, std::min(scheme_end, target.size()));
    if (!EqualsIgnoringCase(scheme, "http") && !EqualsIgnoringCase(scheme, "https")) {
      return Bad("the request target must begin with `/`");
    }
    if (scheme_end == std::string_view::npos) return Bad("the request target must begin with `/`");
    target.remove_prefix(scheme_end + 3);
    const std::size_t authority_end = std::min(target.find_first_of("/?"), target.size());
    if (host.empty() || !EqualsIgnoringCase(target.substr(0, authority_end), host)) {
      return Bad("the request target names another host than Host does");
    }
    target.remove_prefix(authority_end);
  }
  const std::size_t question = target.find('?');
  plan.path = target.substr(0, question);
  if (plan.path.empty()) plan.path = "/";
  if (question != std::string_view::npos) plan.query = target.substr(question + 1);
  return CheckSegments(plan.path);
}

void TakeOffRoot(std::string_view root, RequestPlan& plan) {
  if (root.empty() || plan.path == "*") return;
  if (!plan.path.starts_with(root)) {
    plan.outside_root = true;
    return;
  }
  const std::string_view rest = plan.path.substr(root.size());
  if (!rest.empty() && rest.front() != '/') {
    plan.outside_root = true;
    return;
  }
  plan.path = rest.empty() ? "/" : rest;
}

bool IsOurOrigin(std::string_view origin, std::string_view host) {
  // Both schemes: behind a proxy that ends TLS, the browser's origin is https.
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.size() > scheme.size() &&
        EqualsIgnoringCase(origin.substr(0, scheme.size()), scheme)) {
      return EqualsIgnoringCase(origin.substr(scheme.size()), host);
    }
  }
  return false;
}

// A page of another site must not be able to use a browser that can reach this service, unless its
// origin is listed. It may only link to what is linkable.
Result CheckOrigin(const RequestHead& head, const KnownFields& known,
                   const std::vector<std::string>& allowed, RequestPlan& plan) {
  for (const RequestField& f : head.fields) {
    if (known.origins == 0) break;
    if (f.id != field::origin || IsOurOrigin(f.value, known.host)) continue;
    const bool listed = std::ranges::any_of(
        allowed, [&](const std::string& one) { return EqualsIgnoringCase(one, f.value); });
    if (listed) plan.allowed_origin = f.value;
    if (!listed) return Refusal{403, "requests from pages of another origin are not accepted"};
  }
  if (!plan.allowed_origin.empty()) return std::nullopt;
  const bool reads = head.method == "GET" || head.method == "HEAD";
  if (known.fetched_cross_site && !(reads && plan.rules.linkable)) {
    return Refusal{403, "requests from pages of another site are not accepted"};
  }
  return std::nullopt;
}

Result CheckServerName(const std::vector<std::string>& names, std::string_view host,
                       const RequestPlan& plan) {
  if (names.empty() || plan.rules.any_host) return std::nullopt;
  for (const std::string& name : names) {
    if (EqualsIgnoringCase(name, host) || EqualsIgnoringCase(name, WithoutPort(host))) {
      return std::nullopt;
    }
  }
  return Refusal{421, "this host is not served here"};
}

Result Plan(const RequestHead& head, const RequestPolicy& policy, RequestPlan& plan) {
  const KnownFields known = Gather(head, plan);
  if (known.transfer_encodings > 0) {
    if (auto refusal = CheckTransferEncoding(known, head.version)) return refusal;
    plan.chunked = true;
  }
  if (known.content_lengths > 1) return Bad("a request must have at most one Content-Length");
  if (auto refusal = CheckHost(known, head.version)) return refusal;
  if (auto refusal = CheckMethod(head.method)) return refusal;
  if (auto refusal = SplitTarget(head, known.host, plan)) return refusal;
  if (known.content_encoding) return Bad("Content-Encoding is not accepted");
  if (known.content_types > 1) return Bad("a request must have at most one Content-Type");
  if (known.authorizations > 1) return Bad("a request must have at most one Authorization");
  if (known.content_lengths == 1) {
    if (auto refusal =
            TakeContentLength(known.content_length, policy.body_limit_bytes, plan.content_length)) {
      return refusal;
    }
  }
  if (head.version >= 11) {
    if (known.expects_other) return Refusal{417, "Expect must be `100-continue`"};
    plan.expects_continue = known.expects_continue;
  }
  TakeOffRoot(policy.root_path, plan);
  if (policy.rules_of && !plan.outside_root && plan.path != "*") {
    plan.rules = policy.rules_of(plan.path);
  }
  if (auto refusal = CheckServerName(policy.server_names, known.host, plan)) return refusal;
  if (auto refusal = CheckOrigin(head, known, policy.allowed_origins, plan)) return refusal;
  plan.content_type = known.content_type;
  plan.authorization = known.authorization;
  plan.request_id = ClientRequestId(head);
  plan.keep_alive = !known.close && (head.version >= 11 || known.keep_alive);
  return std::nullopt;
}

}  // namespace

std::expected<RequestPlan, Refusal> PlanRequest(const RequestHead& head,
                                                const RequestPolicy& policy) {
  RequestPlan plan;
  if (auto refusal = Plan(head, policy, plan)) return std::unexpected(*std::move(refusal));
  return plan;
}

}  // namespace target_eye
