#include "registry/answers.h"

#include "telemetry/log.h"
#include "util/thread.h"

namespace target_eye {
namespace {

using RealClock = std::chrono::steady_clock;

}  // namespace

void Answers::Add(TargetRegistry::Done done, Expected<StoredGroupPtr> answer) {
  const std::lock_guard lock(mutex_);
  answers_.emplace_back(std::move(done), std::move(answer));
}

std::size_t Answers::Send() {
  decltype(answers_) taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(answers_);
  }
  for (auto& [done, answer] : taken) done(std::move(answer));
  return taken.size();
}

AnswerPatience::~AnswerPatience() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void AnswerPatience::Start() {
  thread_ = StartThread("answers", [this] { Run(); });
}

void AnswerPatience::Watch(const std::shared_ptr<Answers>& answers) {
  if (answers.use_count() == 1) return;  // Nobody else holds them.
  bool wakes = false;
  {
    const std::lock_guard lock(mutex_);
    // Nearly all are sent long before their time, and need not be kept until then.
    while (!watched_.empty() && watched_.front().answers.expired()) watched_.pop_front();
    watched_.push_back({RealClock::now() + patience_, answers});
    // Where it sleeps until the time of another, that comes before this one's.
    wakes = std::exchange(idle_, false);
  }
  if (wakes) wake_.notify_one();
}

void AnswerPatience::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (watched_.empty()) {
      idle_ = true;
      wake_.wait(lock, [this] { return stop_ || !watched_.empty(); });
    } else if (const SteadyTime until = watched_.front().until; RealClock::now() < until) {
      wake_.wait_until(lock, until, [this] { return stop_; });
    } else {
      SendOverdue(lock);
    }
  }
}

void AnswerPatience::SendOverdue(std::unique_lock<std::mutex>& lock) {
  const auto answers = watched_.front().answers.lock();
  watched_.pop_front();
  if (!answers) return;
  lock.unlock();
  if (answers->Send() > 0 && warned_.Take(RealClock::now())) {
    Log(LogLevel::kWarning,
        "changes are answered before they are published, since that takes too long; they are kept, "
        "and /-/ready says more if it goes on",
        {{"patience_ms", patience_.count()}});
  }
  lock.lock();
}

}  // namespace target_eye
