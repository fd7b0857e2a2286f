#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "util/clock.h"
#include "util/token_bucket.h"

namespace target_eye {

// How often a client may fail to log in: a token bucket each. Holds at most kMostClients. To make
// room, clients whose bucket is full again are forgotten, which changes nothing for them. One
// thread at a time.
class LoginLimits {
 public:
  static constexpr std::size_t kMostClients = 65'536;
  static constexpr int kFailuresAtOnce = 10;
  static constexpr std::chrono::seconds kSecondsAFailure{5};

  // How long `client` has to wait until it may try again; 0 if it may now.
  std::chrono::seconds Wait(std::string_view client, SteadyTime now) const;

  void Fail(std::string_view client, SteadyTime now);

  std::size_t size() const { return buckets_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::unordered_map<std::string, TokenBucket, Hash, std::equal_to<>> buckets_;
};

}  // namespace target_eye
