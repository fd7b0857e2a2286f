#include "util/thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <future>
#include <system_error>

#include "util/testing/no_room_for_threads.h"

namespace target_eye {
namespace {

TEST(StartThreadTest, RunsTheWorkUnderTheName) {
  std::promise<void> named;
  std::thread thread = StartThread("worker", [&] { named.get_future().wait(); });
  std::array<char, 16> name{};
  pthread_getname_np(thread.native_handle(), name.data(), name.size());
  EXPECT_STREQ(name.data(), "worker");
  named.set_value();
  thread.join();
}

TEST(StartThreadTest, WithoutRoomItSaysWhichThread) {
  const NoRoomForThreads no_room;
  try {
    StartThread("worker", [] {}).join();
    FAIL() << "it started";
  } catch (const std::system_error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("cannot start the thread worker: "));
  }
}

}  // namespace
}  // namespace target_eye
