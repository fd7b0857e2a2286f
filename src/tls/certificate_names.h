#pragma once

#include "tls/peer_certificate.h"

using X509 = struct x509_st;

namespace target_eye {

// Whom `certificate` names. Names with a NUL in them are left out, since other programs would cut
// them there. Safe to call from any thread.
PeerCertificate NamesOf(const X509* certificate);

}  // namespace target_eye
