#pragma once

#include <optional>
#include <string_view>

#include "http/net/connection.h"
#include "http/net/server_context.h"
#include "http/wire/request_head.h"
#include "util/clock.h"

namespace target_eye {

// Whom one request is from: the peer of its connection, or, where that is a trusted proxy, whom its
// header tells of. Costs nothing if it is the peer.
class RequestClient {
 public:
  // `peer` must outlive this.
  explicit RequestClient(const Peer& peer) : peer_(&peer) {}

  // Looks at a header that is whole. From the thread of the connection.
  void Find(ServerContext& context, const RequestHead& head, SteadyTime now);
  // Back to the peer, for the next request.
  void Clear();

  const ClientAddress& address() const { return told_ ? *told_ : peer_->client; }
  // Whether the client spoke HTTPS, `with_us` or with the proxy before us.
  bool https(bool with_us) const { return scheme_.empty() ? with_us : scheme_ == "https"; }
  const PeerCertificate* certificate() const { return peer_->certificate.get(); }

 private:
  const Peer* peer_;
  std::optional<ClientAddress> told_;
  std::string_view scheme_;  // A literal.
};

}  // namespace target_eye
