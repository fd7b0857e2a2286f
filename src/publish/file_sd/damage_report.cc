#include "publish/file_sd/damage_report.h"

#include "telemetry/log.h"

namespace target_eye {
namespace {

constexpr auto kContestWindow = std::chrono::seconds(5);
constexpr int kContested = 3;
// A little less than two seconds, which is when the second look comes.
constexpr auto kCalm = std::chrono::milliseconds(1900);

}  // namespace

void DamageReport::Found(const std::string& what, bool certain) {
  damage_ = what;
  if (certain) LogOnce(what);
}

void DamageReport::Mended(const std::string& what, SteadyTime now) {
  if (!what.empty()) {
    LogOnce(what);
    const bool is_in_a_row = mended_at_ && now - *mended_at_ < kContestWindow;
    mended_in_a_row_ = is_in_a_row ? mended_in_a_row_ + 1 : 1;
    if (is_contested() || mended_in_a_row_ >= kContested) {
      if (!is_contested()) {
        Log(LogLevel::kWarning,
            "somebody changes what is published again and again; it is put back each time, but "
            "less "
            "often than they change it",
            {{"found", what}});
      }
      contest_ = "it is changed again and again; the last time, " + what;
    }
    mended_at_ = now;
  }
  damage_.clear();
  has_logged_ = false;
}

void DamageReport::Well(SteadyTime now) {
  if (!is_contested() || now - *mended_at_ < kCalm) return;
  contest_.clear();
  mended_in_a_row_ = 0;
  Log(LogLevel::kInfo, "what is published stays as it is again");
}

void DamageReport::LogOnce(const std::string& what) {
  if (has_logged_ || is_contested()) return;
  has_logged_ = true;
  Log(LogLevel::kWarning, "somebody has changed what is published; it is put back",
      {{"found", what}});
}

}  // namespace target_eye
