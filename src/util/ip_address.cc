#include "util/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace target_eye {
namespace {

constexpr std::size_t kBits = 128;
constexpr std::size_t kV4Prefix = 96;  // What an IPv4 address has before it as an IPv6 one.
constexpr std::size_t kClientBits = 64;

// A decimal number without a sign, up to `most`.
std::optional<std::size_t> ParseNumber(std::string_view text, std::size_t most) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::ranges::copy(text, terminated);
  std::array<std::uint8_t, 16> v6{};
  if (::inet_pton(AF_INET6, terminated, v6.data()) == 1) return IpAddress(v6);
  std::array<std::uint8_t, 4> v4{};
  if (::inet_pton(AF_INET, terminated, v4.data()) == 1) return V4(v4);
  return std::nullopt;
}

IpAddress IpAddress::V4(std::span<const std::uint8_t, 4> bytes) {
  std::array<std::uint8_t, 16> all{};
  all[10] = all[11] = 0xff;
  std::ranges::copy(bytes, all.begin() + kV4Prefix / 8);
  return IpAddress(all);
}

IpAddress IpAddress::V6(std::span<const std::uint8_t, 16> bytes) {
  std::array<std::uint8_t, 16> all{};
  std::ranges::copy(bytes, all.begin());
  return IpAddress(all);
}

bool IpAddress::is_v4() const {
  return std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto byte) { return byte == 0; }) &&
         bytes_[10] == 0xff && bytes_[11] == 0xff;
}

std::string IpAddress::Text() const {
  char text[INET6_ADDRSTRLEN] = {};
  if (is_v4()) return ::inet_ntop(AF_INET, bytes_.data() + kV4Prefix / 8, text, sizeof text);
  ::inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
  return '[' + std::string(text) + ']';
}

IpAddress IpAddress::Network(std::size_t bits) const {
  if (is_v4()) bits += kV4Prefix;
  IpAddress network = *this;
  for (std::size_t i = 0; i < network.bytes_.size(); ++i) {
    const std::size_t kept = std::min<std::size_t>(8, bits - std::min(bits, i * 8));
    network.bytes_[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return network;
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto first = IpAddress::Parse(text.substr(0, slash));
  if (!first) return std::nullopt;
  // `::ffff:10.0.0.0/104` is `10.0.0.0/8`.
  const bool counts_v4 = first->is_v4() && !text.contains(':');
  std::size_t bits = kBits;
  if (slash != std::string_view::npos) {
    const auto number = ParseNumber(text.substr(slash + 1), counts_v4 ? kBits - kV4Prefix : kBits);
    if (!number) return std::nullopt;
    bits = *number + (counts_v4 ? kV4Prefix : 0);
  }
  if (first->is_v4()) {
    if (bits < kV4Prefix) return std::nullopt;
    bits -= kV4Prefix;
  }
  if (first->Network(bits) != *first) return std::nullopt;
  return IpNetwork(*first, bits);
}

bool IpNetwork::Contains(const IpAddress& address) const {
  return address.is_v4() == first_.is_v4() && address.Network(bits_) == first_;
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  const auto number = ParseNumber(text, 65'535);
  if (!number) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

std::string Endpoint::Text() const {
  std::string text = address.Text();
  if (port) text += ':' + std::to_string(*port);
  return text;
}

std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!host.contains(':')) return std::nullopt;
  } else if (const std::size_t colon = text.find(':'); colon == text.rfind(':')) {
    host = text.substr(0, colon);
    port = text.substr(std::min(colon, text.size()));
  }
  const auto address = IpAddress::Parse(host);
  if (!address) return std::nullopt;
  if (port.empty()) return Endpoint{*address, std::nullopt};
  const auto number = port.front() == ':' ? ParsePort(port.substr(1)) : std::nullopt;
  if (!number) return std::nullopt;
  return Endpoint{*address, number};
}

std::string ClientKeyOf(std::string_view peer) {
  const auto endpoint = ParseEndpoint(peer);
  if (!endpoint) return std::string(peer);
  const IpAddress& address = endpoint->address;
  return address.is_v4() ? address.Text() : address.Network(kClientBits).Text();
}

}  // namespace target_eye
