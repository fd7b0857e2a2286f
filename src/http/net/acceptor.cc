#include "http/net/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "http/net/bind_address.h"
#include "telemetry/log.h"

namespace target_eye {
namespace {

constexpr int kAcceptedAtOnce = 64;
// What the kernel keeps of an answer that it has not sent yet: the rest of a large one is copied
// when there is a use for it, while it is still in the cache, and does not fill the kernel's
// memory.
constexpr int kUnsentBytes = 128 << 10;
// Connections beyond the limit that are answered with 503; more than that are closed without a
// word.
constexpr std::size_t kRejectedAtOnce = 64;

}  // namespace

Acceptor::Acceptor(int listener, bool may_be_tls,
                   std::span<const std::shared_ptr<IoThread>> threads)
    : listener_(listener),
      may_be_tls_(may_be_tls),
      threads_(threads),
      descriptor_(threads.front()->io(), listener) {}

Acceptor::~Acceptor() { Stop(); }

void Acceptor::Start() { Wait(); }

void Acceptor::Resume() {
  if (!paused_) return;
  paused_ = false;
  Wait();
}

void Acceptor::Stop() {
  paused_ = false;
  descriptor_.release();
}

void Acceptor::Wait() {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this](boost::system::error_code error) {
                           if (!error) AcceptAll();
                         });
}

void Acceptor::AcceptAll() {
  if (!descriptor_.is_open()) return;
  for (int i = 0; i < kAcceptedAtOnce && AcceptOne(); ++i) {
  }
  if (!paused_) Wait();
}

bool Acceptor::AcceptOne() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  UniqueFd socket(::accept4(listener_, reinterpret_cast<sockaddr*>(&address), &size,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    switch (errno) {
      case EAGAIN:
        return false;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        paused_ = true;
        if (!warned_) {
          Log(LogLevel::kWarning,
              "cannot accept connections for a moment; raise the limit of open files",
              {{"error", std::generic_category().message(errno)}});
        }
        warned_ = true;
        return false;
      default:
        return true;  // The connection has failed before it was accepted.
    }
  }
  warned_ = false;
  if (address.ss_family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kUnsentBytes, sizeof kUnsentBytes);
  }
  const auto& context = threads_.front()->shared_context();
  Accepted accepted{.socket = std::move(socket),
                    .peer = {.client = ClientAddress(FormatPeer(address))}};
  Peer& peer = accepted.peer;
  peer.trusted = context->trusted_proxies.ContainsPeer(peer.client.text);
  peer.slot = ConnectionSlot(context);
  // A proxy has the connections of many clients.
  if (!peer.trusted) peer.slot.CountFor(peer.client);
  if (!peer.slot.room_for_more() && context->rejected_connections.load() > kRejectedAtOnce) {
    return true;
  }
  if (may_be_tls_) accepted.tls = context->tls.Get();
  next_ = (next_ + 1) % threads_.size();
  threads_[next_]->Adopt(std::move(accepted));
  return true;
}

}  // namespace target_eye
