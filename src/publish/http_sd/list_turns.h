#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <unordered_map>

#include "util/clock.h"

namespace target_eye {

// Whose turn it is, where lists wait for one thread: theirs that have had least of it lately. So
// whoever asks for many expensive lists waits behind whoever asks for one again and again, and not
// the other way round.
//
// Each list has an account of the thread's time that it took, paid off by the time that passes:
// what took a second counts for 20. Lists that are not known (kMaxAccounts are, those rendered
// last) share one account, so that it is of no use to ask for a new one each time; among them,
// those with fewer terms come first. Pure: the time is an argument. Not safe for concurrent calls.
class ListTurns {
 public:
  using Duration = SteadyTime::duration;
  static constexpr std::size_t kMaxAccounts = 1024;
  static constexpr int kPaidOffIn = 20;
  static constexpr Duration kMaxDebt = std::chrono::minutes(10);

  // The lower one goes first; of equal ones, the one that waits longer.
  struct Rank {
    Duration debt = {};
    std::size_t terms = 0;
    friend auto operator<=>(const Rank&, const Rank&) = default;
  };
  Rank RankOf(const std::string& list, std::size_t terms, SteadyTime now) const;

  // `list` has had `took` of the thread, whatever came of it.
  void Charge(const std::string& list, Duration took, SteadyTime now);

 private:
  struct Account {
    SteadyTime paid_off_at;
    SteadyTime used_at;
  };
  static Duration DebtOf(const Account& account, SteadyTime now);
  static void Add(Account& account, Duration took, SteadyTime now);
  void ForgetOne();

  Account of_unknown_;
  std::unordered_map<std::string, Account> accounts_;
};

}  // namespace target_eye
