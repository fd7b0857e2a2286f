#pragma once

#include <memory>

#include "http/net/io_thread.h"

namespace target_eye {

class TlsContext;

// Begins to serve a connection that was accepted, by what is known of it: that of a trusted proxy
// may begin with a header of the PROXY protocol. On the thread itself.
void OpenConnection(std::shared_ptr<IoThread> thread, Transport transport, Peer peer,
                    std::shared_ptr<const TlsContext> tls);

// The same, once nothing but TLS or HTTP is to come; `tls` is null for a plain one.
void ServeConnection(std::shared_ptr<IoThread> thread, Transport transport, Peer peer,
                     std::shared_ptr<const TlsContext> tls);

}  // namespace target_eye
