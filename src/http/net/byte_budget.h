#pragma once

#include <atomic>
#include <cstddef>

namespace target_eye {

// How many bytes all connections of a server may hold for one purpose. Safe to use from any thread.
class ByteBudget {
 public:
  // `most`: 0 is no limit, and then nothing is counted.
  explicit ByteBudget(std::size_t most) : limit_(most) {}

  // Takes `bytes`. Returns false, and takes nothing, if that is too much for all together.
  bool Take(std::size_t bytes) {
    if (limit_ == 0) return true;
    const std::size_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= limit_) return true;
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  // Gives back what was taken.
  void Return(std::size_t bytes) {
    if (limit_ != 0) used_.fetch_sub(bytes, std::memory_order_relaxed);
  }

  std::size_t limit() const { return limit_; }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  // More than half is taken.
  bool is_tight() const { return limit_ != 0 && used() > limit_ / 2; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_ = 0;
};

// What one connection has taken of a budget. Used by one thread; the budget is everybody's.
class ByteCharge {
 public:
  explicit ByteCharge(ByteBudget& budget) : budget_(budget) {}
  ~ByteCharge() { Set(0); }
  ByteCharge(const ByteCharge&) = delete;
  ByteCharge& operator=(const ByteCharge&) = delete;

  // Makes the share `bytes`. Returns false, and changes nothing, if that is too much for all
  // together; less than before never is.
  bool Set(std::size_t bytes) {
    if (bytes > bytes_ && !budget_.Take(bytes - bytes_)) return false;
    if (bytes < bytes_) budget_.Return(bytes_ - bytes);
    bytes_ = bytes;
    return true;
  }

 private:
  ByteBudget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace target_eye
