#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "http/net/byte_budget.h"

namespace target_eye {

// What answers that their clients have not taken yet keep in memory, over all connections of a
// server. Bytes that many clients wait for count once. Safe to use from any thread.
class AnswerBudget {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  // `most`: 0 is no limit.
  explicit AnswerBudget(std::size_t most) : own_(most) {}

  // Counts `bytes`, unless somebody holds them already. Returns false, and counts nothing, if there
  // is no room for them. What is larger than half of the budget counts as half, so that it can be
  // sent at all, and others beside it.
  bool Hold(const Bytes& bytes);
  // Once for each Hold that returned true.
  void Release(const Bytes& bytes);

  // For the bytes that one connection alone holds; they count in the same budget.
  ByteBudget& own() { return own_; }

  // Who is slow to take an answer is not waited for as long as usual.
  bool is_tight() const { return own_.is_tight(); }

 private:
  std::size_t CountedOf(const Bytes& bytes) const;

  ByteBudget own_;
  std::mutex mutex_;
  std::unordered_map<const std::string*, std::size_t> holders_;
};

// The bytes that one answer holds. Used by one thread.
class AnswerCharge {
 public:
  explicit AnswerCharge(AnswerBudget& budget) : budget_(budget) {}
  ~AnswerCharge() { Release(); }
  AnswerCharge(const AnswerCharge&) = delete;
  AnswerCharge& operator=(const AnswerCharge&) = delete;

  // In place of what it holds. Returns whether there is room.
  bool Hold(AnswerBudget::Bytes bytes) {
    Release();
    if (!budget_.Hold(bytes)) return false;
    bytes_ = std::move(bytes);
    return true;
  }
  void Release() {
    if (bytes_) budget_.Release(bytes_);
    bytes_.reset();
  }

 private:
  AnswerBudget& budget_;
  AnswerBudget::Bytes bytes_;
};

}  // namespace target_eye
