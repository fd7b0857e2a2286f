#pragma once

#include <memory>

#include "http/net/connection.h"
#include "http/net/io_thread.h"
#include "http/net/transport.h"

namespace target_eye {

// What a handshake and a session have in common: a transport with a peer at its other end, which
// keeps itself alive until it is closed. Lives on one IoThread, and is used on it only.
class LiveConnection : public Connection {
 protected:
  LiveConnection(std::shared_ptr<IoThread> thread, Peer peer);

  // Takes over an open transport.
  void Open(Transport transport);
  bool is_open() const { return self_ != nullptr; }

  // For the handlers of what waits, which must keep this alive.
  template <typename Derived>
  std::shared_ptr<Derived> Self() {
    return std::static_pointer_cast<Derived>(shared_from_this());
  }

  // Lets go of everything. The caller must hold this object some other way, or not touch it after.
  void Close();
  // What a derived class lets go of at the same time. Called once.
  virtual void OnClose() {}

  // Everything is said, Transport::EndSending was called, and nothing waits: closes this, and
  // leaves the transport to a Lingering.
  void LeaveToLingering();

  // Closes this without its transport and peer, which another connection takes over.
  struct Released {
    std::shared_ptr<IoThread> thread;
    Transport transport;
    Peer peer;
  };
  Released Release();

  const std::shared_ptr<IoThread> thread_;
  ServerContext& context_;
  Peer peer_;
  Transport transport_;

 private:
  std::shared_ptr<Connection> self_;  // While it is open.
};

}  // namespace target_eye
