#include "telemetry/line_queue.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "util/thread.h"

namespace target_eye {
namespace {

std::atomic<std::uint64_t>& DroppedOf(LineQueue::Kind kind) {
  static std::array<std::atomic<std::uint64_t>, 2> dropped;
  return dropped[static_cast<std::size_t>(kind)];
}

}  // namespace

struct LineQueue::State {
  Options options;
  Write write;

  std::mutex mutex;  // Guards what follows.
  std::condition_variable wake;
  std::condition_variable written;
  std::string pending;
  std::uint64_t dropped = 0;
  bool woken = false;
  bool writing = false;
  bool stop = false;
  bool ended = false;
};

LineQueue::LineQueue(Options options, Write write) : state_(std::make_shared<State>()) {
  state_->options = std::move(options);
  state_->write = std::move(write);
  state_->pending.reserve(state_->options.most_bytes);
  thread_ = StartThread(state_->options.thread, [state = state_] { Run(*state); });
}

LineQueue::~LineQueue() {
  std::unique_lock lock(state_->mutex);
  state_->stop = true;
  state_->wake.notify_one();
  const bool ended = state_->written.wait_for(lock, kPatience, [this] { return state_->ended; });
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void LineQueue::Push(std::string_view lines) noexcept {
  {
    const std::lock_guard lock(state_->mutex);
    if (lines.size() > state_->options.most_bytes - state_->pending.size()) {
      ++state_->dropped;
      ++DroppedOf(state_->options.kind);
      return;
    }
    const bool is_first = state_->pending.empty();
    state_->pending.append(lines);
    if (!is_first) return;
  }
  state_->wake.notify_one();
}

void LineQueue::Wake() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->woken = true;
  }
  state_->wake.notify_one();
}

bool LineQueue::Flush() {
  std::unique_lock lock(state_->mutex);
  state_->woken = true;
  state_->wake.notify_one();
  return state_->written.wait_for(lock, kPatience,
                                  [this] { return state_->pending.empty() && !state_->writing; });
}

std::uint64_t LineQueue::Dropped(Kind kind) { return DroppedOf(kind); }

void LineQueue::Run(State& state) {
  std::string lines;
  lines.reserve(state.options.most_bytes);
  std::unique_lock lock(state.mutex);
  while (true) {
    const auto is_due = [&] { return state.stop || state.woken; };
    state.wake.wait(lock, [&] { return is_due() || !state.pending.empty(); });
    if (state.options.gather.count() > 0) state.wake.wait_for(lock, state.options.gather, is_due);
    const bool is_last = state.stop;
    state.woken = false;
    state.writing = true;
    lines.swap(state.pending);
    const std::uint64_t dropped = std::exchange(state.dropped, 0);
    lock.unlock();
    state.write(lines, dropped);
    lines.clear();
    lock.lock();
    state.writing = false;
    // What was said meanwhile, about this too, goes out as well.
    if (is_last && state.pending.empty()) break;
    state.written.notify_all();
  }
  state.ended = true;
  state.written.notify_all();
}

std::error_code WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Whoever shares this descriptor made it so.
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return {errno, std::generic_category()};
    }
  }
  return {};
}

}  // namespace target_eye
