#pragma once

#include <string>
#include <vector>

namespace target_eye {

// What a listener's TLS is made of: from the settings, or from a web config's `tls_server_config`.
struct TlsOptions {
  enum class ClientCertificate {
    kNone,      // Not asked for.
    kAsked,     // Asked for, not checked: says nothing about who the client is.
    kNeeded,    // There must be one; it is not checked.
    kIfGiven,   // One that is shown must chain to `ca_file`.
    kRequired,  // There must be one, and it must chain to `ca_file`.
  };

  std::string cert_file;  // PEM: the certificate and what it chains to, in this order.
  std::string key_file;   // PEM.
  std::string key_password;
  std::string ca_file;  // PEM: what client certificates must chain to.
  ClientCertificate client_certificate = ClientCertificate::kNone;
  // If not empty, a client certificate must have one of them among its subject alternative names.
  std::vector<std::string> allowed_sans;
  std::vector<std::string> verify_flags;  // As OpenSSL names them: VERIFY_CRL_CHECK_LEAF.
  std::string ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";  // OpenSSL's list for TLS 1.2.
  std::string cipher_suites;  // OpenSSL's list for TLS 1.3; empty: OpenSSL's own.
  std::string curves;         // OpenSSL's list; empty: X25519, P-256, P-384 and P-521.
  int min_version = 12;       // 12 or 13.
  int max_version = 13;
  std::vector<std::string> alpn_protocols = {"h2", "http/1.1"};

  bool operator==(const TlsOptions&) const = default;
};

}  // namespace target_eye
