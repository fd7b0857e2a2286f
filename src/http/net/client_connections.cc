#include "http/net/client_connections.h"

namespace target_eye {

bool ClientConnections::Take(std::string_view client) {
  if (limit_ == 0) return true;
  Shard& shard = ShardOf(client);
  const std::lock_guard lock(shard.mutex);
  auto it = shard.counts.find(client);
  if (it == shard.counts.end()) it = shard.counts.emplace(std::string(client), 0).first;
  return ++it->second <= limit_;
}

void ClientConnections::Release(std::string_view client) {
  if (limit_ == 0) return;
  Shard& shard = ShardOf(client);
  const std::lock_guard lock(shard.mutex);
  const auto it = shard.counts.find(client);
  if (it != shard.counts.end() && --it->second == 0) shard.counts.erase(it);
}

}  // namespace target_eye
