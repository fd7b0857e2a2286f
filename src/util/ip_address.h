#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace target_eye {

// An IPv4 or IPv6 address. `::ffff:192.0.2.1` is the IPv4 address in it.
class IpAddress {
 public:
  // `192.0.2.1` or `2001:db8::1`, and nothing around it: no brackets, port or zone.
  static std::optional<IpAddress> Parse(std::string_view text);
  // In network order.
  static IpAddress V4(std::span<const std::uint8_t, 4> bytes);
  static IpAddress V6(std::span<const std::uint8_t, 16> bytes);

  bool is_v4() const;
  // `192.0.2.1`, or `[2001:db8::1]`, with brackets, so that a port may follow.
  std::string Text() const;
  // With all bits after the first `bits` cleared, of the 32 of an IPv4 or the 128 of an IPv6
  // address.
  IpAddress Network(std::size_t bits) const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  std::array<std::uint8_t, 16> bytes_;  // As IPv6 has it, in network order.
};

// The addresses that begin with the same bits.
class IpNetwork {
 public:
  // An address, or an address and the number of bits, `10.0.0.0/8`. Nothing if it is neither, or if
  // the address has bits beyond that number, which is mostly a slip that would let in more than was
  // meant.
  static std::optional<IpNetwork> Parse(std::string_view text);

  // An IPv4 address is in no network of IPv6, not even in `::/0`.
  bool Contains(const IpAddress& address) const;
  std::size_t bits() const { return bits_; }

 private:
  IpNetwork(const IpAddress& first, std::size_t bits) : first_(first), bits_(bits) {}

  IpAddress first_;
  std::size_t bits_;
};

// Decimal digits, 0-65535.
std::optional<std::uint16_t> ParsePort(std::string_view text);

// An address, and the port if it is known.
struct Endpoint {
  IpAddress address;
  std::optional<std::uint16_t> port;

  // `192.0.2.1:4711`, `[2001:db8::1]:4711`; without `:` and the port if that is not known.
  std::string Text() const;
};

// As proxies write them: what Endpoint::Text returns, or an IPv6 address without brackets. Nothing
// for an address with a zone, `fe80::1%eth0`.
std::optional<Endpoint> ParseEndpoint(std::string_view text);

// Under which name limits count `peer`, which is what Endpoint::Text returns or any other name. For
// an IPv4 address, the address without the port. For an IPv6 address, its first 64 bits, since a
// network of that size belongs to one client. Any other name as it is.
std::string ClientKeyOf(std::string_view peer);

}  // namespace target_eye
