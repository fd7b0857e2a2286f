#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "util/clock.h"

namespace target_eye {

// How many requests a second one client may send, by its address. A client that has been quiet may
// send one second's worth at once. Safe to call from any thread. Holds at most kMostClients
// addresses; to make room, those that have been quiet for a second are forgotten, which changes
// nothing for them.
class ClientRates {
 public:
  static constexpr std::size_t kMostClients = 65'536;

  explicit ClientRates(std::size_t requests_per_second)
      : rate_(static_cast<double>(requests_per_second)) {}

  // Whether `client` may send one more request at `now`; counts it if so.
  bool Take(std::string_view client, SteadyTime now);

 private:
  struct Bucket {
    double tokens = 0;
    SteadyTime filled_at;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  // Forgets the clients whose bucket is full again; all of them where none is.
  void MakeRoom(SteadyTime now);
  double TokensAt(const Bucket& bucket, SteadyTime now) const;

  const double rate_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket, Hash, std::equal_to<>> buckets_;
};

}  // namespace target_eye
