#include "telemetry/line_queue.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "util/unique_fd.h"

namespace target_eye {
namespace {

// Takes what a queue writes; may be held up.
class Taker {
 public:
  LineQueue::Write Write() const {
    return [state = state_](std::string_view lines, std::uint64_t dropped) {
      std::unique_lock lock(state->mutex);
      ++state->calls;
      state->called.notify_all();
      state->called.wait(lock, [&] { return !state->held; });
      state->text += lines;
      state->dropped += dropped;
    };
  }
  void Hold(bool held) {
    const std::lock_guard lock(state_->mutex);
    state_->held = held;
    state_->called.notify_all();
  }
  void AwaitCall() {
    std::unique_lock lock(state_->mutex);
    state_->called.wait(lock, [&] { return state_->calls > 0; });
  }
  std::string text() const {
    const std::lock_guard lock(state_->mutex);
    return state_->text;
  }
  std::uint64_t dropped() const {
    const std::lock_guard lock(state_->mutex);
    return state_->dropped;
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable called;
    int calls = 0;
    bool held = false;
    std::string text;
    std::uint64_t dropped = 0;
  };
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

LineQueue::Options Of(std::size_t most_bytes) {
  return {.thread = "lines", .most_bytes = most_bytes};
}

TEST(LineQueueTest, LinesComeInTheirOrderAndAllOfThemByTheEnd) {
  Taker taker;
  std::string expected;
  {
    LineQueue queue(Of(1 << 20), taker.Write());
    for (int i = 0; i < 1000; ++i) {
      const std::string line = std::to_string(i) + "\n";
      expected += line;
      queue.Push(line);
    }
  }
  EXPECT_EQ(taker.text(), expected);
  EXPECT_EQ(taker.dropped(), 0U);
}

TEST(LineQueueTest, AfterAFlushAllIsWritten) {
  Taker taker;
  LineQueue queue(Of(1 << 20), taker.Write());
  EXPECT_TRUE(queue.Flush());
  for (int i = 0; i < 100; ++i) {
    queue.Push("x\n");
    ASSERT_TRUE(queue.Flush());
    ASSERT_EQ(taker.text().size(), 2U * static_cast<std::size_t>(i + 1));
  }
}

TEST(LineQueueTest, WhatDoesNotFitIsDroppedAndCountedAndNobodyWaits) {
  Taker taker;
  taker.Hold(true);
  const auto before = LineQueue::Dropped(LineQueue::Kind::kErrorLog);
  {
    LineQueue queue(Of(8), taker.Write());
    queue.Push("a\n");
    taker.AwaitCall();
    for (const char* line : {"1234567\n", "2\n", "3\n"}) queue.Push(line);
    EXPECT_EQ(LineQueue::Dropped(LineQueue::Kind::kErrorLog), before + 2);
    taker.Hold(false);
    EXPECT_TRUE(queue.Flush());
    queue.Push("4\n");
  }
  EXPECT_EQ(taker.text(), "a\n1234567\n4\n");
  EXPECT_EQ(taker.dropped(), 2U);
}

TEST(LineQueueTest, WhatHangsHoldsUpNeitherAFlushNorTheEnd) {
  Taker taker;
  taker.Hold(true);
  {
    LineQueue queue(Of(1 << 20), taker.Write());
    queue.Push("a\n");
    taker.AwaitCall();
    queue.Push("b\n");
    EXPECT_FALSE(queue.Flush());
  }
  EXPECT_EQ(taker.text(), "");
  // It ends by itself, with what it was given.
  taker.Hold(false);
  while (taker.text() != "a\nb\n") std::this_thread::yield();
}

TEST(LineQueueTest, AWakeIsHeardWithoutLines) {
  Taker taker;
  LineQueue queue(Of(1 << 20), taker.Write());
  queue.Wake();
  taker.AwaitCall();
}

TEST(WriteAllTest, ItWaitsForAPipeWhoeverMadeItNonBlocking) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd from(ends[0]);
  const UniqueFd into(ends[1]);
  const std::string text(1 << 20, 'x');
  auto written = std::async(std::launch::async, [&] { return WriteAll(into.get(), text); });
  std::size_t taken = 0;
  std::vector<char> buffer(1 << 16);
  while (taken < text.size()) {
    const ssize_t bytes = ::read(from.get(), buffer.data(), buffer.size());
    if (bytes > 0) taken += static_cast<std::size_t>(bytes);
  }
  EXPECT_FALSE(written.get());
  EXPECT_EQ(taken, text.size());
}

TEST(WriteAllTest, WhatIsInTheWayIsSaid) {
  EXPECT_EQ(WriteAll(-1, "x"), std::errc::bad_file_descriptor);
  EXPECT_FALSE(WriteAll(-1, ""));
}

}  // namespace
}  // namespace target_eye
