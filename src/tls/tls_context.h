#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "model/error.h"
#include "tls/peer_certificate.h"
#include "tls/tls_options.h"

using SSL_CTX = struct ssl_ctx_st;
using SSL = struct ssl_st;

namespace target_eye {

// A certificate with its key and the rules for clients, loaded and checked: what a handshake is
// made with. Never changed once made; an SSL made of `native` keeps what it needs of it, so that
// another can take its place at any moment. Safe to use from any thread.
class TlsContext {
 public:
  // Reads the files. kInvalid names the file and what is expected: a file that cannot be read or is
  // no PEM, a wrong password, a key that does not belong to the certificate, an unknown cipher,
  // flag or protocol, client certificates to be checked and no authorities. Ciphers without
  // encryption or authentication are refused, whoever asks for them. A certificate that has expired
  // or is not valid yet loads: only a person can mend it, and clients may not mind. Never asks on a
  // terminal.
  static Expected<std::shared_ptr<const TlsContext>> Load(const TlsOptions& options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // When the certificate, or one it chains to in the file, expires first.
  std::chrono::system_clock::time_point not_after() const { return not_after_; }

  SSL_CTX* native() const { return context_; }

 private:
  TlsContext();

  SSL_CTX* context_;
  std::chrono::system_clock::time_point not_after_;
};

// Whom the client of a finished handshake proved to be: nothing where it showed no certificate, or
// where it was not checked. The connection's TlsContext may be gone.
std::optional<PeerCertificate> PeerCertificateOf(SSL* connection);

}  // namespace target_eye
