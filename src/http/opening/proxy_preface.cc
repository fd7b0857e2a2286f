#include "http/opening/proxy_preface.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "http/opening/open_connection.h"
#include "http/session/session.h"
#include "http/wire/proxy_header.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

// Used up before another connection of this thread can read.
thread_local std::array<char, kMostProxyHeaderBytes> room;

}  // namespace

ProxyPreface::ProxyPreface(std::shared_ptr<IoThread> thread, Peer peer,
                           std::shared_ptr<const TlsContext> tls)
    : OpeningStep(std::move(thread), std::move(peer)), tls_(std::move(tls)) {}

void ProxyPreface::Start(Transport transport) {
  Open(std::move(transport));
  const HttpServerOptions& options = context_.options;
  deadline_ =
      steady_clock::now() + (tls_ ? options.ssl_handshake_timeout : options.keep_alive_timeout);
  Look();
}

void ProxyPreface::Look() {
  error_code error;
  const std::size_t bytes = transport_.Peek(asio::buffer(room), error);
  if (error == asio::error::would_block) {
    transport_.WaitReadable([self = Self<ProxyPreface>()](error_code failed) {
      if (!self->is_open()) return;
      if (failed) return self->Close();
      self->Look();
    });
    return;
  }
  // Whoever says nothing at all is looking whether there is a port.
  if (error) return Close();
  const ProxyHeader header = ReadProxyHeader({room.data(), bytes});
  switch (header.state) {
    case ProxyHeader::State::kAbsent:
      return HandOn();
    case ProxyHeader::State::kPartial:
      // What is not taken off makes the socket readable all the while: the tick looks again. A
      // header mostly comes whole.
      if (!std::exchange(begun_, true)) {
        deadline_ = steady_clock::now() + context_.options.read_timeout;
      }
      return;
    case ProxyHeader::State::kWhole:
      return Take(header);
    case ProxyHeader::State::kMalformed:
      if (context_.malformed_proxy_headers.Take(steady_clock::now())) {
        Log(LogLevel::kWarning, "a proxy sent a malformed header of the PROXY protocol",
            {{"peer", peer_.client.text}, {"reason", header.problem}});
      }
      return Refuse({400, "malformed header of the PROXY protocol: " + header.problem});
  }
}

void ProxyPreface::Take(const ProxyHeader& header) {
  error_code error;
  if (transport_.Read(asio::buffer(room, header.size), error) != header.size) return Close();
  peer_.trusted = false;
  if (header.client) {
    peer_.client = ClientAddress(header.client->Text());
    peer_.trusted = context_.trusted_proxies.Contains(header.client->address);
    if (!peer_.trusted) peer_.slot.CountFor(peer_.client);
  }
  HandOn();
}

void ProxyPreface::HandOn() {
  const auto tls = std::move(tls_);
  Released released = Release();
  ServeConnection(released.thread, std::move(released.transport), std::move(released.peer), tls);
}

void ProxyPreface::Refuse(const Refusal& refusal) {
  Released released = Release();
  std::make_shared<Session>(released.thread, std::move(released.peer))
      ->Reject(std::move(released.transport), refusal);
}

void ProxyPreface::CheckDeadline(SteadyTime now) {
  if (begun_) {
    const auto self = shared_from_this();
    Look();
    if (!is_open()) return;
  }
  if (now < deadline_) return;
  if (!begun_) return Close();
  Refuse({408, "the header of the PROXY protocol, or the request, took too long to arrive"});
}

}  // namespace target_eye
