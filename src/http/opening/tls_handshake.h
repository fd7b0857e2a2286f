#pragma once

#include <memory>
#include <string>

#include "http/net/connection.h"
#include "http/net/io_thread.h"
#include "http/net/transport.h"
#include "tls/tls_context.h"
#include "util/clock.h"

namespace target_eye {

// A connection to a TLS port from its first byte to the end of its handshake; then it becomes a
// session of the protocol that was agreed on. What is not TLS at all gets an HTTP answer that says
// so.
class TlsHandshake final : public Connection {
 public:
  TlsHandshake(std::shared_ptr<IoThread> thread, Peer peer,
               std::shared_ptr<const TlsContext> context);

  void Start(Transport transport);

  void Respond(std::int32_t, HttpResponse) override {}
  void CheckDeadline(SteadyTime now) override;
  void Drain() override;
  std::size_t Cut() override;

 private:
  void LookAtFirstBytes();
  void Continue();
  void Finish();
  void NoteFailure(std::string_view reason);
  // Ends it, while nothing waits; the client hears OpenSSL's alert, where there is one.
  void Fail(std::string_view reason);
  void Close();

  std::shared_ptr<TlsHandshake> Self() {
    return std::static_pointer_cast<TlsHandshake>(shared_from_this());
  }

  const std::shared_ptr<IoThread> thread_;
  Peer peer_;
  const std::shared_ptr<const TlsContext> context_;
  Transport transport_;
  std::shared_ptr<Connection> self_;  // While it is open.
  SteadyTime deadline_;
  bool begun_ = false;  // Something has arrived.
};

}  // namespace target_eye
