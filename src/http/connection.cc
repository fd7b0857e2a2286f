#include "http/connection.h"

#include "http/server_context.h"

namespace target_eye {

ConnectionSlot::ConnectionSlot(std::shared_ptr<ServerContext> context, std::string peer)
    : context_(std::move(context)), client_(std::move(peer)) {
  client_.resize(ClientOf(client_).size());
  room_for_more_ = context_->connections.fetch_add(1) < context_->options.connection_limit;
  // Programs behind a unix socket are on this machine, and all look the same.
  if (client_ == "unix") client_.clear();
  if (!client_.empty() && !context_->client_connections.Take(client_)) room_for_more_ = false;
  if (!room_for_more_) context_->rejected_connections.fetch_add(1);
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
