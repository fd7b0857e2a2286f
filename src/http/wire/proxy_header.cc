#include "http/wire/proxy_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace target_eye {
namespace {

using State = ProxyHeader::State;

constexpr std::string_view kSignatureV1 = "PROXY ";
constexpr std::string_view kSignatureV2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kMostBytesV1 = 107;
constexpr std::size_t kFixedBytesV2 = 16;

ProxyHeader Malformed(std::string problem) {
  return {.state = State::kMalformed, .problem = std::move(problem)};
}

// Cuts the next word off, with the space behind it.
std::string_view TakeWord(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(line.size(), word.size() + 1));
  return word;
}

// PROXY TCP4 source destination source-port destination-port
ProxyHeader ReadV1(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kMostBytesV1).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() < kMostBytesV1) return {.state = State::kPartial};
    return Malformed(fmt::format("the line has more than {} bytes", kMostBytesV1));
  }
  ProxyHeader header{.state = State::kWhole, .size = end + 2};
  std::string_view line = bytes.substr(kSignatureV1.size(), end - kSignatureV1.size());
  const std::string_view protocol = TakeWord(line);
  if (protocol == "UNKNOWN") return header;
  if (protocol != "TCP4" && protocol != "TCP6") {
    return Malformed("expected TCP4, TCP6 or UNKNOWN behind PROXY");
  }
  const std::string_view source = TakeWord(line);
  const std::string_view destination = TakeWord(line);
  const bool v6 = protocol == "TCP6";
  const auto address = IpAddress::Parse(source);
  const auto port = ParsePort(TakeWord(line));
  if (!address || !IpAddress::Parse(destination) || source.contains(':') != v6 ||
      destination.contains(':') != v6 || !port || !ParsePort(line)) {
    return Malformed(fmt::format(
        "expected `PROXY {} SOURCE DESTINATION SOURCE_PORT DESTINATION_PORT`", protocol));
  }
  header.client = Endpoint{*address, port};
  return header;
}

std::size_t BigEndian(std::string_view bytes) {
  return static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[0])) << 8U |
         static_cast<std::uint8_t>(bytes[1]);
}

template <std::size_t kSize>
std::span<const std::uint8_t, kSize> AddressAt(std::string_view bytes) {
  return std::span<const std::uint8_t, kSize>(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                              kSize);
}

// The source of `family`, from the bytes behind the fixed part; or a problem.
ProxyHeader ReadAddressV2(unsigned family, std::string_view rest, ProxyHeader header) {
  constexpr unsigned kV4 = 1;
  constexpr unsigned kV6 = 2;
  constexpr unsigned kUnix = 3;
  constexpr std::array<std::size_t, 4> kBytes = {0, 12, 36, 216};
  if (family > kUnix) return Malformed(fmt::format("unknown address family {}", family));
  if (rest.size() < kBytes[family]) {
    return Malformed(
        fmt::format("{} bytes of addresses, expected {}", rest.size(), kBytes[family]));
  }
  if (family == kV4) {
    header.client = Endpoint{IpAddress::V4(AddressAt<4>(rest)),
                             static_cast<std::uint16_t>(BigEndian(rest.substr(8)))};
  } else if (family == kV6) {
    header.client = Endpoint{IpAddress::V6(AddressAt<16>(rest)),
                             static_cast<std::uint16_t>(BigEndian(rest.substr(32)))};
  }
  return header;
}

ProxyHeader ReadV2(std::string_view bytes) {
  constexpr unsigned kLocal = 0;
  constexpr unsigned kProxy = 1;
  constexpr unsigned kDatagram = 2;  // A client that came by QUIC.
  if (bytes.size() < kFixedBytesV2) return {.state = State::kPartial};
  const auto version_and_command = static_cast<std::uint8_t>(bytes[12]);
  const auto family_and_protocol = static_cast<std::uint8_t>(bytes[13]);
  const unsigned version = version_and_command >> 4U;
  const unsigned command = version_and_command & 0xfU;
  const std::size_t length = BigEndian(bytes.substr(14));
  if (version != 2) return Malformed(fmt::format("version {}, expected 1 or 2", version));
  if (command > kProxy) return Malformed(fmt::format("unknown command {}", command));
  if (kFixedBytesV2 + length > kMostProxyHeaderBytes) {
    return Malformed(fmt::format("it has {} bytes, at most {} are taken", kFixedBytesV2 + length,
                                 kMostProxyHeaderBytes));
  }
  if (bytes.size() < kFixedBytesV2 + length) return {.state = State::kPartial};
  ProxyHeader header{.state = State::kWhole, .size = kFixedBytesV2 + length};
  if (command == kLocal) return header;
  const unsigned protocol = family_and_protocol & 0xfU;
  if (protocol > kDatagram) return Malformed(fmt::format("unknown transport {}", protocol));
  return ReadAddressV2(family_and_protocol >> 4U, bytes.substr(kFixedBytesV2, length),
                       std::move(header));
}

}  // namespace

ProxyHeader ReadProxyHeader(std::string_view bytes) {
  if (bytes.starts_with(kSignatureV1)) return ReadV1(bytes);
  if (bytes.starts_with(kSignatureV2)) return ReadV2(bytes);
  for (const std::string_view signature : {kSignatureV1, kSignatureV2}) {
    if (bytes.size() < signature.size() && signature.starts_with(bytes)) {
      return {.state = State::kPartial};
    }
  }
  return {};
}

}  // namespace target_eye
