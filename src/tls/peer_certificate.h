#pragma once

#include <string>
#include <vector>

namespace target_eye {

// Whom a client certificate, checked against the certificate authorities, names.
struct PeerCertificate {
  std::string subject;      // RFC 2253: `CN=ci,O=Example`.
  std::string common_name;  // The last CN; empty if there is none.
  // Subject alternative names (RFC 5280 section 4.2.1.6).
  std::vector<std::string> dns_names;
  std::vector<std::string> uris;
  std::vector<std::string> emails;
  std::vector<std::string> addresses;
};

}  // namespace target_eye
