#pragma once

#include <atomic>
#include <cstddef>

namespace target_eye {

// What the bodies that are being received take up, over all connections of a server.
struct BufferBudget {
  explicit BufferBudget(std::size_t most) : limit_bytes(most) {}

  const std::size_t limit_bytes;  // 0: none, and nothing is counted.
  std::atomic<std::size_t> used_bytes = 0;
};

// One body's share of it. Used by one thread; the budget is everybody's.
class BufferCharge {
 public:
  explicit BufferCharge(BufferBudget& budget) : budget_(budget) {}
  ~BufferCharge() { Set(0); }
  BufferCharge(const BufferCharge&) = delete;
  BufferCharge& operator=(const BufferCharge&) = delete;

  // Makes the share `bytes`. Gives false, and changes nothing, where that is too much for all
  // together; less than before never is.
  bool Set(std::size_t bytes) {
    if (budget_.limit_bytes == 0 || bytes == bytes_) return true;
    if (bytes < bytes_) {
      budget_.used_bytes.fetch_sub(bytes_ - bytes, std::memory_order_relaxed);
    } else {
      const std::size_t more = bytes - bytes_;
      if (budget_.used_bytes.fetch_add(more, std::memory_order_relaxed) + more >
          budget_.limit_bytes) {
        budget_.used_bytes.fetch_sub(more, std::memory_order_relaxed);
        return false;
      }
    }
    bytes_ = bytes;
    return true;
  }

 private:
  BufferBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace target_eye
