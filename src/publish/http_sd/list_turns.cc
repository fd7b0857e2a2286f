#include "publish/http_sd/list_turns.h"

#include <algorithm>

namespace target_eye {

ListTurns::Duration ListTurns::DebtOf(const Account& account, SteadyTime now) {
  return std::max(account.paid_off_at, now) - now;
}

void ListTurns::Add(Account& account, Duration took, SteadyTime now) {
  account.paid_off_at = now + std::min(DebtOf(account, now) + took * kPaidOffIn, kMaxDebt);
  account.used_at = now;
}

ListTurns::Rank ListTurns::RankOf(const std::string& list, std::size_t terms,
                                  SteadyTime now) const {
  const auto known = accounts_.find(list);
  return {DebtOf(known == accounts_.end() ? of_unknown_ : known->second, now), terms};
}

void ListTurns::Charge(const std::string& list, Duration took, SteadyTime now) {
  auto known = accounts_.find(list);
  if (known == accounts_.end()) {
    Add(of_unknown_, took, now);
    if (accounts_.size() >= kMaxAccounts) ForgetOne();
    known = accounts_.emplace(list, Account()).first;
  }
  Add(known->second, took, now);
}

void ListTurns::ForgetOne() {
  accounts_.erase(std::ranges::min_element(accounts_, {},
                                           [](const auto& entry) { return entry.second.used_at; }));
}

}  // namespace target_eye
