#include "http/net/client_rates.h"

#include <algorithm>
#include <chrono>

namespace target_eye {

bool ClientRates::Take(std::string_view client, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  auto it = buckets_.find(client);
  if (it == buckets_.end()) {
    if (buckets_.size() >= kMostClients) MakeRoom(now);
    it = buckets_.emplace(std::string(client), Bucket{rate_, now}).first;
  }
  Bucket& bucket = it->second;
  bucket.tokens = TokensAt(bucket, now);
  bucket.filled_at = std::max(bucket.filled_at, now);
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

double ClientRates::TokensAt(const Bucket& bucket, SteadyTime now) const {
  // Each I/O thread brings its own idea of now.
  const std::chrono::duration<double> passed = std::max(now, bucket.filled_at) - bucket.filled_at;
  return std::min(rate_, bucket.tokens + passed.count() * rate_);
}

void ClientRates::MakeRoom(SteadyTime now) {
  std::erase_if(buckets_, [&](const auto& entry) { return TokensAt(entry.second, now) >= rate_; });
  if (buckets_.size() >= kMostClients) buckets_.clear();
}

}  // namespace target_eye
