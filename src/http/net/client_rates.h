#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "util/clock.h"
#include "util/token_bucket.h"

namespace target_eye {

// How many requests a second one client may send, by its address. A client that has been quiet may
// send one second's worth at once. Safe to call from any thread. Holds at most kMostClients
// addresses; to make room, those that have been quiet for a second are forgotten, which changes
// nothing for them.
class ClientRates {
 public:
  static constexpr std::size_t kMostClients = 65'536;

  // `requests_per_second`: 1 to 1,000,000; if 0, Take must not be called.
  explicit ClientRates(std::size_t requests_per_second)
      : full_(static_cast<int>(requests_per_second),
              TokenBucket::Duration(std::chrono::seconds(1)) /
                  std::max<SteadyTime::rep>(1, static_cast<SteadyTime::rep>(requests_per_second))) {
  }

  // Whether `client` may send one more request at `now`; counts it if so.
  bool Take(std::string_view client, SteadyTime now);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  // Forgets the clients whose bucket is full again; all of them if none is.
  void MakeRoom();

  const TokenBucket full_;
  std::mutex mutex_;
  SteadyTime latest_;  // Each I/O thread brings its own idea of now.
  std::unordered_map<std::string, TokenBucket, Hash, std::equal_to<>> buckets_;
};

}  // namespace target_eye
