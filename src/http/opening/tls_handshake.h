#pragma once

#include <memory>
#include <string_view>

#include "http/opening/opening_step.h"
#include "tls/tls_context.h"

namespace target_eye {

// A connection to a TLS port from its first byte to the end of its handshake; then it becomes a
// session of the protocol that was agreed on. What is not TLS at all gets an HTTP answer that says
// so.
class TlsHandshake final : public OpeningStep {
 public:
  TlsHandshake(std::shared_ptr<IoThread> thread, Peer peer,
               std::shared_ptr<const TlsContext> context);

  void Start(Transport transport);

  void CheckDeadline(SteadyTime now) override;

 private:
  void LookAtFirstBytes();
  void Continue();
  void Finish();
  void NoteFailure(std::string_view reason);
  // Ends it, while nothing waits; the client hears OpenSSL's alert, if there is one.
  void Fail(std::string_view reason);

  const std::shared_ptr<const TlsContext> tls_;
};

}  // namespace target_eye
