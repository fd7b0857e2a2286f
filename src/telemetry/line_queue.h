#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace target_eye {

// Lines on their way to a log: a thread of its own writes them, so that whoever has something to
// say never waits for a disk, or for a pipe that nobody reads. Lines that come faster than they can
// be written are dropped and counted. Safe to call from any thread.
class LineQueue {
 public:
  enum class Kind : std::uint8_t { kErrorLog, kAccessLog };

  struct Options {
    Kind kind = Kind::kErrorLog;
    std::string thread;                  // Its name.
    std::size_t most_bytes = 1 << 20;    // That wait; all of it is taken at the start.
    std::chrono::milliseconds gather{};  // How long lines wait for more to be written with them.
  };

  // Writes `lines`, on the queue's thread; `dropped` is how many lines are missing behind them. It
  // may take as long as it likes, and must own all that it uses: if it hangs, it outlives the
  // queue.
  using Write = std::function<void(std::string_view lines, std::uint64_t dropped)>;

  LineQueue(Options options, Write write);
  // What waits is written first. If that takes longer than kPatience, it is left to its thread, and
  // to the end of the process.
  ~LineQueue();

  LineQueue(const LineQueue&) = delete;
  LineQueue& operator=(const LineQueue&) = delete;

  static constexpr std::chrono::seconds kPatience{2};

  // `lines` end in a newline each. If there is no room for them, they are dropped, and count as
  // one. Neither throws nor allocates.
  void Push(std::string_view lines) noexcept;

  // Has Write called soon, even without lines.
  void Wake();

  // Waits until all that was pushed before is written. False if that takes longer than kPatience.
  bool Flush();

  // Lines that were dropped since the process began.
  static std::uint64_t Dropped(Kind kind);

 private:
  struct State;
  static void Run(State& state);

  const std::shared_ptr<State> state_;  // Of the thread, too.
  std::thread thread_;
};

// Writes all of `text`, however long that takes. An error says what was in the way; then the rest
// is not written.
std::error_code WriteAll(int fd, std::string_view text);

}  // namespace target_eye
