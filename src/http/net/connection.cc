#include "http/net/connection.h"

#include "http/net/server_context.h"
#include "util/ip_address.h"

namespace target_eye {

ClientAddress::ClientAddress(std::string address)
    : text(std::move(address)), key(ClientKeyOf(text)) {}

ConnectionSlot::ConnectionSlot(std::shared_ptr<ServerContext> context)
    : context_(std::move(context)) {
  if (context_->connections.fetch_add(1) >= context_->options.connection_limit) Reject();
}

void ConnectionSlot::CountFor(const ClientAddress& client) {
  if (client.text == "unix") return;
  client_ = client.key;
  if (!context_->client_connections.Take(client_)) Reject();
}

void ConnectionSlot::Reject() {
  if (!std::exchange(room_for_more_, false)) return;
  context_->rejected_connections.fetch_add(1);
  context_->metrics.ConnectionRejected();
}

ConnectionSlot& ConnectionSlot::operator=(ConnectionSlot&& other) noexcept {
  Release();
  context_ = std::move(other.context_);
  client_ = std::move(other.client_);
  room_for_more_ = other.room_for_more_;
  served_ = other.served_;
  return *this;
}

void ConnectionSlot::CountAsServed() {
  served_ = true;
  context_->metrics.ConnectionOpened();
}

void ConnectionSlot::Release() {
  const auto context = std::exchange(context_, nullptr);
  if (!context) return;
  if (served_) context->metrics.ConnectionClosed();
  if (!client_.empty()) context->client_connections.Release(client_);
  if (!room_for_more_) context->rejected_connections.fetch_sub(1);
  context->connections.fetch_sub(1);
}

}  // namespace target_eye
