#pragma once

#include <memory>

#include "http/opening/opening_step.h"

namespace target_eye {

class TlsContext;
struct ProxyHeader;

// A connection of a trusted proxy until it is known whether it begins with a header of the PROXY
// protocol. That is taken off, and its client becomes the peer; a malformed one is answered with
// 400. Then the connection is handed on, to be TLS or HTTP as if nothing had been.
//
// Whoever is named by such a header is a client: what its requests tell by X-Forwarded-For is
// believed only if it is a trusted proxy itself. If no one is named, nothing is believed.
class ProxyPreface final : public OpeningStep {
 public:
  // `tls`: null for a plain one.
  ProxyPreface(std::shared_ptr<IoThread> thread, Peer peer, std::shared_ptr<const TlsContext> tls);

  void Start(Transport transport);

  void CheckDeadline(SteadyTime now) override;

 private:
  void Look();
  void Take(const ProxyHeader& header);
  void HandOn();
  void Refuse(const Refusal& refusal);

  std::shared_ptr<const TlsContext> tls_;
};

}  // namespace target_eye
