#pragma once

#include <memory>

#include "http/net/connection.h"
#include "http/net/io_thread.h"
#include "http/net/transport.h"
#include "util/clock.h"

namespace target_eye {

class TlsContext;
struct ProxyHeader;

// A connection of a trusted proxy until it is known whether it begins with a header of the PROXY
// protocol. That is taken off, and its client becomes the peer; a malformed one is answered with
// 400. Then the connection is handed on, to be TLS or HTTP as if nothing had been.
//
// Whoever is named by such a header is a client: what its requests tell by X-Forwarded-For is
// believed only where it is a trusted proxy itself. Where no one is named, nothing is believed.
class ProxyPreface final : public Connection {
 public:
  // `tls`: null for a plain one.
  ProxyPreface(std::shared_ptr<IoThread> thread, Peer peer, std::shared_ptr<const TlsContext> tls);

  void Start(Transport transport);

  void Respond(std::int32_t, HttpResponse) override {}
  void CheckDeadline(SteadyTime now) override;
  void Drain() override;
  std::size_t Cut() override;

 private:
  void Look();
  void Take(const ProxyHeader& header);
  void HandOn();
  void Refuse(const Refusal& refusal);
  void Close();

  const std::shared_ptr<IoThread> thread_;
  Peer peer_;
  std::shared_ptr<const TlsContext> tls_;
  Transport transport_;
  std::shared_ptr<Connection> self_;  // While it is open.
  SteadyTime deadline_;
  bool begun_ = false;  // Something has arrived that may become a header.
};

}  // namespace target_eye
