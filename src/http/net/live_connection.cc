#include "http/net/live_connection.h"

#include <utility>

#include "http/net/lingering.h"

namespace target_eye {

LiveConnection::LiveConnection(std::shared_ptr<IoThread> thread, Peer peer)
    : thread_(std::move(thread)),
      context_(thread_->context()),
      peer_(std::move(peer)),
      transport_(thread_->io()) {}

void LiveConnection::Open(Transport transport) {
  self_ = shared_from_this();
  thread_->Add(*this);
  transport_ = std::move(transport);
}

void LiveConnection::Close() {
  if (!is_open()) return;
  const std::shared_ptr<Connection> self = std::move(self_);
  unlink();
  transport_.Close();
  OnClose();
  peer_.slot.Release();
}

LiveConnection::Released LiveConnection::Release() {
  Released released{thread_, std::move(transport_), std::move(peer_)};
  Close();
  return released;
}

void LiveConnection::LeaveToLingering() {
  Released released = Release();
  std::make_shared<Lingering>(released.thread, std::move(released.peer.slot))
      ->Start(std::move(released.transport));
}

}  // namespace target_eye
