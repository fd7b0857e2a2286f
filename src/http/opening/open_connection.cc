#include "http/opening/open_connection.h"

#include <utility>

#include "http/opening/proxy_preface.h"
#include "http/opening/tls_handshake.h"
#include "http/session/session.h"

namespace target_eye {

void OpenConnection(std::shared_ptr<IoThread> thread, Transport transport, Peer peer,
                    std::shared_ptr<const TlsContext> tls) {
  if (!peer.trusted) {
    ServeConnection(std::move(thread), std::move(transport), std::move(peer), std::move(tls));
    return;
  }
  std::make_shared<ProxyPreface>(std::move(thread), std::move(peer), std::move(tls))
      ->Start(std::move(transport));
}

void ServeConnection(std::shared_ptr<IoThread> thread, Transport transport, Peer peer,
                     std::shared_ptr<const TlsContext> tls) {
  if (tls) {
    std::make_shared<TlsHandshake>(std::move(thread), std::move(peer), std::move(tls))
        ->Start(std::move(transport));
  } else {
    std::make_shared<Session>(std::move(thread), std::move(peer))->Start(std::move(transport));
  }
}

}  // namespace target_eye
