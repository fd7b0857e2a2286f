#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "registry/target_registry.h"
#include "util/clock.h"
#include "util/seldom.h"

namespace target_eye {

// The answers to the requests of one commit. A shared pointer to them is an AnswerHold: they are
// sent when the last one goes, or before that by Send. Safe to use from any thread.
class Answers {
 public:
  Answers() = default;
  ~Answers() { Send(); }
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  void Add(TargetRegistry::Done done, Expected<StoredGroupPtr> answer);

  // Sends what was added and not sent yet. Returns how many these were.
  std::size_t Send();

 private:
  std::mutex mutex_;
  std::vector<std::pair<TargetRegistry::Done, Expected<StoredGroupPtr>>> answers_;
};

// Sends answers that are held for longer than `patience`, on a thread of its own: whoever holds
// them may hang. The log says so, at most once a minute.
class AnswerPatience {
 public:
  explicit AnswerPatience(std::chrono::milliseconds patience) : patience_(patience) {}
  ~AnswerPatience();
  AnswerPatience(const AnswerPatience&) = delete;
  AnswerPatience& operator=(const AnswerPatience&) = delete;

  void Start();

  // From now on the time of `answers` runs. They are complete. Does not keep them. One thread at a
  // time.
  void Watch(const std::shared_ptr<Answers>& answers);

 private:
  struct Watched {
    SteadyTime until;
    std::weak_ptr<Answers> answers;
  };
  void Run();
  void SendOverdue(std::unique_lock<std::mutex>& lock);

  const std::chrono::milliseconds patience_;
  Seldom warned_{std::chrono::seconds(60)};

  std::mutex mutex_;  // Guards what follows, but for the thread.
  std::condition_variable wake_;
  std::deque<Watched> watched_;  // The first one has waited longest.
  bool idle_ = false;            // The thread waits for something to watch.
  bool stop_ = false;

  std::thread thread_;
};

}  // namespace target_eye
