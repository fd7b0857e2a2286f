#include "http/wire/forwarded.h"

#include <algorithm>
#include <boost/beast/http/field.hpp>

#include "http/wire/chars.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using boost::beast::http::field;

// A chain of more proxies than this is nobody's; what is before them is not read.
constexpr int kMostHops = 32;
// The longest address, with brackets, a port and some room for a hidden port.
constexpr std::size_t kNodeBytes = 128;

// Of a header's lines, which read as one list, from the end: who asked whom.
class HopReader {
 public:
  explicit HopReader(const TrustedProxies& trusted) : trusted_(trusted) {}

  // The hop before those taken so far; nothing if it is not told. Returns whether there is use in
  // going on.
  bool Take(std::optional<Endpoint> hop) {
    if (!hop || ++hops_ > kMostHops) return false;
    known_ = hop;
    return trusted_.Contains(hop->address);
  }
  const std::optional<Endpoint>& known() const { return known_; }

 private:
  const TrustedProxies& trusted_;
  std::optional<Endpoint> known_;
  int hops_ = 0;
};

bool Is(const RequestField& f, std::string_view name) {
  return f.id == field::unknown && EqualsIgnoringCase(f.name, name);
}
bool IsForwarded(const RequestField& f) { return f.id == field::forwarded; }
bool IsForwardedFor(const RequestField& f) { return Is(f, "X-Forwarded-For"); }

// The same without quotes, which X-Forwarded-For has none of.
LastElement SplitLastItem(std::string_view list) {
  const std::size_t comma = list.rfind(',');
  if (comma == std::string_view::npos) return {TrimBlanks(list), std::nullopt};
  return {TrimBlanks(list.substr(comma + 1)), list.substr(0, comma)};
}

// Returns whether there is use in reading the line before it.
bool ReadForwardedFor(std::string_view line, HopReader& reader) {
  for (std::optional<std::string_view> list = line; list;) {
    const auto [item, rest] = SplitLastItem(*list);
    if (item.size() > kNodeBytes || !reader.Take(ParseEndpoint(item))) return false;
    list = rest;
  }
  return true;
}

bool ReadForwarded(std::string_view line, HopReader& reader) {
  for (std::optional<std::string_view> list = line; list;) {
    const auto last = SplitLastElement(*list);
    if (!last) return false;
    const auto node = FindParameter(last->element, "for");
    if (!node || !reader.Take(ParseNode(*node))) return false;
    list = last->rest;
  }
  return true;
}

template <typename Which, typename Read>
std::optional<Endpoint> ReadFromTheEnd(std::span<const RequestField> fields,
                                       const TrustedProxies& trusted, Which which, Read read) {
  HopReader reader(trusted);
  for (auto it = fields.rbegin(); it != fields.rend(); ++it) {
    if (which(*it) && !read(it->value, reader)) break;
  }
  return reader.known();
}

std::string_view FindScheme(std::span<const RequestField> fields) {
  std::string_view scheme;
  for (auto it = fields.rbegin(); it != fields.rend() && scheme.empty(); ++it) {
    if (IsForwarded(*it)) {
      const auto last = SplitLastElement(it->value);
      if (last) scheme = FindParameter(last->element, "proto").value_or("");
    } else if (Is(*it, "X-Forwarded-Proto")) {
      scheme = SplitLastItem(it->value).element;
    }
  }
  for (const std::string_view known : {"https", "http"}) {
    if (EqualsIgnoringCase(scheme, known)) return known;
  }
  return {};
}

// Whether the character at `at` is made an ordinary one by a backslash before it.
bool IsEscaped(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t other = before.find_last_not_of('\\');
  return (before.size() - (other + 1)) % 2 == 1;  // npos + 1 is 0.
}

}  // namespace

std::optional<LastElement> SplitLastElement(std::string_view list) {
  bool quoted = false;
  for (std::size_t i = list.size(); i-- > 0;) {
    if (list[i] == '"') {
      if (!quoted || !IsEscaped(list, i)) quoted = !quoted;
    } else if (list[i] == ',' && !quoted) {
      return LastElement{TrimBlanks(list.substr(i + 1)), list.substr(0, i)};
    }
  }
  if (quoted) return std::nullopt;
  return LastElement{TrimBlanks(list), std::nullopt};
}

std::optional<std::string_view> FindParameter(std::string_view element, std::string_view name) {
  std::optional<std::string_view> found;
  for (;;) {
    const std::size_t equals = element.find('=');
    if (equals == std::string_view::npos || !IsToken(element.substr(0, equals))) {
      return std::nullopt;
    }
    const std::string_view key = element.substr(0, equals);
    element.remove_prefix(equals + 1);
    std::string_view value;
    if (element.starts_with('"')) {
      std::size_t end = element.find('"', 1);
      while (end != std::string_view::npos && IsEscaped(element, end)) {
        end = element.find('"', end + 1);
      }
      if (end == std::string_view::npos) return std::nullopt;
      value = element.substr(1, end - 1);
      element.remove_prefix(end + 1);
    } else {
      value = element.substr(0, element.find_first_of("; \t"));
      element.remove_prefix(value.size());
    }
    if (EqualsIgnoringCase(key, name)) {
      if (found || value.contains('\\')) return std::nullopt;
      found = value;
    }
    element = TrimBlanks(element);
    if (element.empty()) return found;
    if (!element.starts_with(';')) return std::nullopt;
    element = TrimBlanks(element.substr(1));
    if (element.empty()) return found;
  }
}

std::optional<Endpoint> ParseNode(std::string_view node) {
  if (node.size() > kNodeBytes) return std::nullopt;
  if (const std::size_t hidden = node.rfind(":_"); hidden != std::string_view::npos) {
    if (!IsToken(node.substr(hidden + 1))) return std::nullopt;
    node = node.substr(0, hidden);
  }
  // RFC 7239 section 6: an IPv6 address has brackets; some leave them away.
  return ParseEndpoint(node);
}

ForwardedFor FindForwardedFor(std::span<const RequestField> fields, const TrustedProxies& trusted) {
  ForwardedFor result;
  const bool has_standard = std::ranges::any_of(fields, IsForwarded);
  const bool has_usual = std::ranges::any_of(fields, IsForwardedFor);
  result.scheme = FindScheme(fields);
  const auto standard = ReadFromTheEnd(fields, trusted, IsForwarded, ReadForwarded);
  const auto usual = ReadFromTheEnd(fields, trusted, IsForwardedFor, ReadForwardedFor);
  if (has_standard && has_usual) {
    result.contradicts_itself = standard.has_value() != usual.has_value() ||
                                (standard && standard->address != usual->address);
    if (result.contradicts_itself) return result;
  }
  result.client = standard;
  // Of two that agree, one may know the port.
  if (usual && (!standard || !standard->port)) result.client = usual;
  return result;
}

}  // namespace target_eye
