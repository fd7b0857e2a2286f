#include "http/net/answer_budget.h"

#include <algorithm>

namespace target_eye {

std::size_t AnswerBudget::CountedOf(const Bytes& bytes) const {
  return std::min(bytes->size(), own_.limit() / 2);
}

bool AnswerBudget::Hold(const Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  const auto [holder, is_first] = holders_.try_emplace(bytes.get(), 0);
  if (is_first && !own_.Take(CountedOf(bytes))) {
    holders_.erase(holder);
    return false;
  }
  ++holder->second;
  return true;
}

void AnswerBudget::Release(const Bytes& bytes) {
  const std::lock_guard lock(mutex_);
  const auto holder = holders_.find(bytes.get());
  if (--holder->second > 0) return;
  holders_.erase(holder);
  own_.Return(CountedOf(bytes));
}

}  // namespace target_eye
