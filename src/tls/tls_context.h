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
// made with. Never changed once made. A connection keeps what it needs of the context that it was
// made from, so another can take its place at any moment. Safe to use from any thread.
class TlsContext {
 public:
  // Reads the files. kInvalid names the file and what is expected. It is returned for a file that
  // cannot be read or is not PEM, a wrong password, a key that does not belong to the certificate,
  // an unknown cipher, flag or protocol, and client certificates to be checked without authorities.
  // Ciphers without encryption or authentication are refused even if they are asked for. A
  // certificate that has expired or is not valid yet is loaded: only a person can mend it, and
  // clients may not mind. Never asks on a terminal.
  static Expected<std::shared_ptr<const TlsContext>> Load(const TlsOptions& options);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // When the first of the certificate and those it chains to in the file expires.
  std::chrono::system_clock::time_point not_after() const { return not_after_; }

  SSL_CTX* native() const { return context_; }

 private:
  TlsContext();

  SSL_CTX* context_;
  std::chrono::system_clock::time_point not_after_;
};

// Who the client of a finished handshake proved to be; nothing if it showed no certificate, or if
// certificates are not checked. The connection's TlsContext may be gone.
std::optional<PeerCertificate> PeerCertificateOf(SSL* connection);

}  // namespace target_eye
