#include <string>

#include "fuzz_check.h"
#include "http/wire/forwarded.h"
#include "http/wire/proxy_header.h"

namespace target_eye {
namespace {

using State = ProxyHeader::State;

bool Same(const ProxyHeader& a, const ProxyHeader& b) {
  const bool same_client = a.client.has_value() == b.client.has_value() &&
                           (!a.client || a.client->Text() == b.client->Text());
  return a.state == b.state && a.size == b.size && same_client && a.problem == b.problem;
}

// As ReadProxyHeader is called while bytes arrive.
void CheckProxyHeader(std::string_view bytes) {
  const ProxyHeader whole = ReadProxyHeader(bytes);
  Require(whole.state == State::kWhole || (whole.size == 0 && !whole.client),
          "only a whole header has a size and a client");
  Require(whole.size <= bytes.size() && whole.size <= kMostProxyHeaderBytes,
          "a header is within what has arrived, and within its bound");
  Require((whole.state == State::kMalformed) == !whole.problem.empty(),
          "what is wrong is told where something is");
  bool decided = false;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const ProxyHeader part = ReadProxyHeader(bytes.substr(0, size));
    Require(!decided || Same(part, whole), "what was decided stays so, whatever follows");
    decided = part.state != State::kPartial;
  }
  Require(decided || bytes.size() < kMostProxyHeaderBytes, "a header that does not end is refused");
  if (whole.client) {
    const bool v4 = whole.client->address.is_v4();
    std::string address = whole.client->address.Text();
    if (!v4) address = address.substr(1, address.size() - 2);
    const std::string line = "PROXY " + std::string(v4 ? "TCP4 " : "TCP6 ") + address +
                             (v4 ? " 1.1.1.1 " : " ::1 ") +
                             std::to_string(whole.client->port.value()) + " 80\r\n";
    const ProxyHeader again = ReadProxyHeader(line);
    Require(again.client && again.client->Text() == whole.client->Text(),
            "written anew, it names the same client");
  }
}

RequestField Field(std::string_view name, std::string_view value) {
  return {boost::beast::http::string_to_field({name.data(), name.size()}), name, value};
}

// `bytes`: what a client begins either header with, before its proxy adds to it.
void CheckForwarded(std::string_view bytes) {
  static const TrustedProxies trusted = *TrustedProxies::Parse({"10.0.0.0/8", "::1"});
  for (const std::string_view name : {"Forwarded", "X-Forwarded-For"}) {
    const std::string client = name == "Forwarded" ? "for=203.0.113.9" : "203.0.113.9";
    const std::string one_line = std::string(bytes) + ", " + client;
    const std::array<RequestField, 1> joined = {Field(name, one_line)};
    const std::array<RequestField, 2> apart = {Field(name, bytes), Field(name, client)};
    for (const std::span<const RequestField> fields :
         {std::span<const RequestField>(joined), std::span<const RequestField>(apart)}) {
      const ForwardedFor found = FindForwardedFor(fields, trusted);
      Require(found.client && found.client->Text() == "203.0.113.9",
              "a client cannot change what its proxy has added");
    }
    const std::array<RequestField, 1> alone = {Field(name, bytes)};
    const ForwardedFor found = FindForwardedFor(alone, trusted);
    if (found.client) {
      const auto again = ParseEndpoint(found.client->Text());
      Require(again && again->Text() == found.client->Text(), "an address reads as it is shown");
    }
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::CheckProxyHeader(target_eye::AsText(data, size));
  target_eye::CheckForwarded(target_eye::AsText(data, size));
  return 0;
}
