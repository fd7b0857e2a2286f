#include "api/granted_streams.h"

#include <algorithm>
#include <utility>

namespace target_eye {

void GrantedStreams::Add(const std::shared_ptr<ResponseStream>& stream, Grant grant,
                         const Judge& judge) {
  std::unique_lock lock(mutex_);
  if (!judge(grant)) {
    lock.unlock();
    return stream->End();
  }
  if (streams_.size() >= next_cleaning_) {
    std::erase_if(streams_, [](const Granted& granted) { return granted.stream.expired(); });
    next_cleaning_ = std::max(next_cleaning_, 2 * streams_.size());
  }
  streams_.push_back({stream, std::move(grant)});
}

void GrantedStreams::JudgeAll(const Judge& judge) {
  std::vector<std::shared_ptr<ResponseStream>> ended;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(streams_, [&](Granted& granted) {
      auto stream = granted.stream.lock();
      if (!stream) return true;
      if (judge(granted.grant)) return false;
      ended.push_back(std::move(stream));
      return true;
    });
  }
  // Without the lock: whoever is told that a stream is over may make another.
  for (const auto& stream : ended) stream->End();
}

}  // namespace target_eye
