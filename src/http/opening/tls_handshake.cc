#include "http/opening/tls_handshake.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "http/h2/http2_session.h"
#include "http/session/session.h"
#include "http/wire/framing_gate.h"
#include "telemetry/log.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using boost::system::error_code;

constexpr char kTlsRecord = 0x16;  // The type of the record that begins a handshake.

// What to answer to bytes that begin no TLS, where they are of something that takes an answer.
std::optional<Refusal> RefusalOf(std::string_view bytes) {
  if (auto refusal = CheckProxyHeader(bytes)) return refusal;
  if (!IsAlpha(bytes.front())) return std::nullopt;
  return Refusal{400, "this port speaks HTTPS; use https:// instead of http://"};
}

bool AgreedOnHttp2(SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

}  // namespace

TlsHandshake::TlsHandshake(std::shared_ptr<IoThread> thread, Peer peer,
                           std::shared_ptr<const TlsContext> context)
    : OpeningStep(std::move(thread), std::move(peer)), tls_(std::move(context)) {}

void TlsHandshake::Start(Transport transport) {
  Open(std::move(transport));
  deadline_ = std::chrono::steady_clock::now() + context_.options.ssl_handshake_timeout;
  LookAtFirstBytes();
}

void TlsHandshake::LookAtFirstBytes() {
  std::array<char, kProxyHeaderBytes> room{};
  error_code error;
  const std::size_t size = transport_.Peek(boost::asio::buffer(room), error);
  if (error == boost::asio::error::would_block) {
    transport_.WaitReadable([self = Self<TlsHandshake>()](error_code failed) {
      if (!self->is_open()) return;
      if (failed) return self->Close();
      self->LookAtFirstBytes();
    });
    return;
  }
  // Whoever says nothing at all is looking whether there is a port: no failure.
  if (error) return Close();
  begun_ = true;
  const std::string_view bytes(room.data(), size);
  if (bytes.front() != kTlsRecord) {
    const auto refusal = RefusalOf(bytes);
    if (!refusal) return Fail("this is not TLS");
    Released released = Release();
    return std::make_shared<Session>(released.thread, std::move(released.peer))
        ->Reject(std::move(released.transport), *refusal);
  }
  if (!transport_.BeginTls(tls_->native())) return Fail("OpenSSL cannot make a connection");
  Continue();
}

void TlsHandshake::Continue() {
  bool again = false;
  if (const auto error = transport_.Handshake(again)) return Fail(error.message());
  if (!again) return Finish();
  transport_.WaitForHandshake([self = Self<TlsHandshake>()](error_code error) {
    if (!self->is_open()) return;
    if (error) return self->Fail(error.message());
    self->Continue();
  });
}

void TlsHandshake::Finish() {
  const bool http2 = AgreedOnHttp2(transport_.tls());
  if (auto certificate = PeerCertificateOf(transport_.tls())) {
    peer_.certificate = std::make_unique<const PeerCertificate>(*std::move(certificate));
  }
  Released released = Release();
  if (http2) {
    std::make_shared<Http2Session>(released.thread, std::move(released.peer))
        ->Start(std::move(released.transport));
  } else {
    std::make_shared<Session>(released.thread, std::move(released.peer))
        ->Start(std::move(released.transport));
  }
}

void TlsHandshake::NoteFailure(std::string_view reason) {
  context_.metrics.TlsHandshakeFailed();
  Log(LogLevel::kDebug, "TLS handshake failed", {{"peer", peer_.client.text}, {"reason", reason}});
}

void TlsHandshake::CheckDeadline(SteadyTime now) {
  if (now < deadline_) return;
  NoteFailure("it took too long");
  Close();
}

void TlsHandshake::Fail(std::string_view reason) {
  NoteFailure(reason);
  // A client of TLS 1.3 has sent its request before it hears that its certificate is refused.
  if (transport_.EndSending()) return Close();
  LeaveToLingering();
}

}  // namespace target_eye
