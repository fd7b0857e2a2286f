#pragma once

#include <boost/intrusive/list.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/http_handler.h"
#include "tls/peer_certificate.h"
#include "util/clock.h"

namespace target_eye {

struct ServerContext;

// Whom a connection or a request is from.
struct ClientAddress {
  ClientAddress() = default;
  explicit ClientAddress(std::string address);

  // `127.0.0.1:4711`, `[::1]:4711`, without the port if a proxy did not tell it; or `unix`.
  std::string text;
  // Whom the limits count it with; see ClientKeyOf.
  std::string key;
};

// A place among the open connections of a server; whoever holds it gives it back.
class ConnectionSlot {
 public:
  ConnectionSlot() = default;
  explicit ConnectionSlot(std::shared_ptr<ServerContext> context);
  ConnectionSlot(ConnectionSlot&& other) noexcept = default;
  ConnectionSlot& operator=(ConnectionSlot&& other) noexcept;
  ~ConnectionSlot() { Release(); }

  // Whether the limits allow it; if not, it is to get an answer that says so.
  bool room_for_more() const { return room_for_more_; }
  // Counts it among those of `client`, too, unless that is `unix`: programs behind a unix socket
  // are on this machine, and all look the same. At most once.
  void CountFor(const ClientAddress& client);
  // Counts it among the connections that are served, in the metrics.
  void CountAsServed();

  void Release();

 private:
  void Reject();

  std::shared_ptr<ServerContext> context_;
  std::string client_;  // As it is counted; empty if it is not.
  bool room_for_more_ = true;
  bool served_ = false;
};

// Who is at the other end of a connection.
struct Peer {
  ClientAddress client;
  // Among TRUSTED_PROXIES: what its requests tell of their client is believed.
  bool trusted = false;
  // Null if the client showed none that was checked.
  std::unique_ptr<const PeerCertificate> certificate = nullptr;
  ConnectionSlot slot = {};
};

using ConnectionHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// What an IoThread must be able to do with whatever lives on it: a handshake, an HTTP/1.1 or an
// HTTP/2 session. Used on that thread only.
class Connection : public std::enable_shared_from_this<Connection>, public ConnectionHook {
 public:
  Connection() = default;
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The handler's answer to the request of `stream`; dropped where that has gone.
  virtual void Respond(std::int32_t stream, HttpResponse response) = 0;
  // Called every tick.
  virtual void CheckDeadline(SteadyTime now) = 0;
  // The server stops: closes at once if nothing is under way, else as soon as that is answered.
  virtual void Drain() = 0;
  // Closes at once, and returns the number of requests that this cut off.
  virtual std::size_t Cut() = 0;
};

}  // namespace target_eye
