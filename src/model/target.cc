#include "model/target.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::size_t kMaxHostBytes = 253;
constexpr std::size_t kMaxHostLabelBytes = 63;
constexpr std::uint64_t kMaxPort = 65535;
// Leading zeros are taken, but not without an end.
constexpr std::size_t kMaxPortDigits = 16;

// Why something is not allowed; nothing if it is.
using Fault = std::optional<std::string>;

bool AllDigits(std::string_view text) { return std::ranges::all_of(text, IsDigit); }

// inet_pton stops at a NUL, so only its own alphabet is let through to it.
bool IsIpv4(std::string_view text) {
  if (!std::ranges::all_of(text, [](char c) { return IsDigit(c) || c == '.'; })) return false;
  in_addr address{};
  return inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

bool IsIpv6(std::string_view text) {
  const auto allowed = [](char c) { return HexValue(c) >= 0 || c == ':' || c == '.'; };
  if (!std::ranges::all_of(text, allowed)) return false;
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

Fault HostLabelFault(std::string_view label) {
  if (label.empty()) return "host has an empty label: expected names with one dot between";
  if (label.size() > kMaxHostLabelBytes) {
    return fmt::format("host label {} has {} characters, at most {} are allowed", Quote(label),
                       label.size(), kMaxHostLabelBytes);
  }
  for (const char c : label) {
    if (!IsAlpha(c) && !IsDigit(c) && c != '-' && c != '_') {
      return fmt::format("host must not hold {}: expected letters, digits, \"-\", \"_\" and \".\"",
                         Quote({&c, 1}));
    }
  }
  if (label.front() == '-' || label.back() == '-') {
    return fmt::format("host label {} must not begin or end with \"-\"", Quote(label));
  }
  return {};
}

Fault HostFault(std::string_view host) {
  if (host.empty()) return "host is empty: expected host or host:port";
  std::string_view name = host;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > kMaxHostBytes) {
    return fmt::format("host has {} characters, at most {} are allowed", name.size(),
                       kMaxHostBytes);
  }
  std::string_view rest = name;
  while (true) {
    const std::size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (Fault fault = HostLabelFault(label)) return fault;
    if (dot == std::string_view::npos) {
      // Such a host is an address to every resolver, or to some (`10.1`, `127.1`, `1.2.3.999`).
      if (AllDigits(label) && !IsIpv4(host)) {
        return "not a full IPv4 address: expected four numbers 0-255 without leading zeros";
      }
      return {};
    }
    rest.remove_prefix(dot + 1);
  }
}

Fault PortFault(std::string_view port) {
  if (port.empty()) return "port is empty: must be 1-65535";
  if (!AllDigits(port)) return fmt::format("port {}: must be 1-65535", Quote(port));
  if (port.size() > kMaxPortDigits) {
    return fmt::format("port must be 1-65535, in at most {} digits", kMaxPortDigits);
  }
  std::uint64_t number = 0;
  for (const char c : port) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  if (number == 0 || number > kMaxPort) return "port must be 1-65535";
  return {};
}

Fault BracketedFault(std::string_view text) {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) return "\"]\" is missing: expected [IPv6] or [IPv6]:port";
  if (!IsIpv6(text.substr(1, close - 1))) {
    return "not an IPv6 address without a zone in the brackets: expected [IPv6] or [IPv6]:port";
  }
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return {};
  if (rest.front() != ':') return "only a port may follow the brackets: expected [IPv6]:port";
  return PortFault(rest.substr(1));
}

// What people send by mistake, told before the grammar's own complaint would hide it.
Fault CommonMistake(std::string_view text) {
  if (text.empty()) return "is empty: expected host or host:port";
  if (text.find("://") != std::string_view::npos) {
    return "is a URL: expected host or host:port (the labels __scheme__ and __metrics_path__ hold "
           "the "
           "rest)";
  }
  if (std::ranges::any_of(text, [](unsigned char c) { return c >= 0x80; })) {
    return "host must be ASCII: use its punycode form (xn--...)";
  }
  if (text.find_first_of("/?#") != std::string_view::npos) {
    return "has a path: expected host or host:port (the label __metrics_path__ holds a path)";
  }
  if (text.find('@') != std::string_view::npos) {
    return "has a user name: expected host or host:port";
  }
  if (text.find_first_of(" \t\r\n\v\f") != std::string_view::npos) {
    return "has a space: expected host or host:port";
  }
  if (!text.starts_with('[') && std::ranges::count(text, ':') > 1) {
    return "has more than one \":\": expected host:port, and an IPv6 address in brackets, as in "
           "[::1]:9100";
  }
  return {};
}

Fault TargetFault(std::string_view text) {
  if (Fault fault = CommonMistake(text)) return fault;
  if (text.starts_with('[')) return BracketedFault(text);
  const std::size_t colon = text.find(':');
  if (Fault fault = HostFault(text.substr(0, colon))) return fault;
  if (colon == std::string_view::npos) return {};
  return PortFault(text.substr(colon + 1));
}

}  // namespace

Expected<Target> Target::Parse(std::string_view text) {
  if (Fault fault = TargetFault(text)) {
    return Invalid(fmt::format("target {}: {}", Quote(text), *fault));
  }
  return Target(std::string(text));
}

}  // namespace target_eye
