#pragma once

#include "tls/peer_certificate.h"

using X509 = struct x509_st;

namespace target_eye {

// Whom `certificate` names. Names with a NUL in them, which other programs would cut there, are
// left out. Safe to call from any thread.
PeerCertificate NamesOf(const X509* certificate);

}  // namespace target_eye
