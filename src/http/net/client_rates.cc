#include "http/net/client_rates.h"

namespace target_eye {

bool ClientRates::Take(std::string_view client, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  latest_ = std::max(latest_, now);
  auto it = buckets_.find(client);
  if (it == buckets_.end()) {
    if (buckets_.size() >= kMostClients) MakeRoom();
    it = buckets_.emplace(std::string(client), full_).first;
  }
  return it->second.TryTake(latest_);
}

void ClientRates::MakeRoom() {
  std::erase_if(buckets_, [&](const auto& entry) { return entry.second.IsFull(latest_); });
  if (buckets_.size() >= kMostClients) buckets_.clear();
}

}  // namespace target_eye
