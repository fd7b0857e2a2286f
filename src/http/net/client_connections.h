#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace target_eye {

// How many connections each client has open, by its address. Safe to call from any thread. Holds an
// entry for each client that is connected, and so no more than there are connections.
class ClientConnections {
 public:
  // `limit`: connections of one client; 0: as many as it likes, and nothing is counted.
  explicit ClientConnections(std::size_t limit) : limit_(limit) {}

  // Whether `client` may have one more; counts it in either case.
  bool Take(std::string_view client);
  // Gives back what was taken.
  void Release(std::string_view client);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> counts;
  };

  Shard& ShardOf(std::string_view client) { return shards_[Hash()(client) % shards_.size()]; }

  const std::size_t limit_;
  std::array<Shard, 16> shards_;
};

}  // namespace target_eye
