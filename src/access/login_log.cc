#include "access/login_log.h"

#include <algorithm>
#include <vector>

#include "telemetry/log.h"

namespace target_eye {

void LoginLog::Failed(std::string_view message, std::string_view peer, std::string_view user,
                      SteadyTime now) {
  constexpr std::size_t kUserBytes = 100;
  if (paid_off_at_ - now > (kLinesAtOnce - 1) * kSecondsALine) {
    ++left_out_;
    return;
  }
  paid_off_at_ = std::max(paid_off_at_, now) + kSecondsALine;
  std::vector<LogField> fields = {{"peer", peer}};
  if (!user.empty()) fields.emplace_back("user", user.substr(0, kUserBytes));
  if (left_out_ > 0) fields.emplace_back("left_out_before", left_out_);
  left_out_ = 0;
  Log(LogLevel::kWarning, message, fields);
}

}  // namespace target_eye
