#include "app/last_words.h"

#include <gtest/gtest.h>

#include <csignal>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace target_eye {
namespace {

template <typename Exception>
void ThrowInAThread(const Exception& exception) {
  SayWhyItEnds();
  std::thread([&] { throw exception; }).join();
}

TEST(LastWordsDeathTest, NoMemoryIsSaidAndEndsWith1) {
  EXPECT_EXIT(ThrowInAThread(std::bad_alloc()), testing::ExitedWithCode(1),
              "level=critical msg=\"out of memory");
}

// As where it leaves a function that must not throw.
void LoseTheException() {
  SayWhyItEnds();
  try {
    std::get_new_handler()();
  } catch (const std::bad_alloc&) {  // NOLINT(bugprone-empty-catch): noted is that it was thrown
  }
  std::terminate();
}

TEST(LastWordsDeathTest, NoMemoryIsSaidWhereTheExceptionIsLost) {
  EXPECT_EXIT(LoseTheException(), testing::ExitedWithCode(1), "level=critical msg=\"out of memory");
}

TEST(LastWordsDeathTest, WhatTheSystemRefusesIsSaidAndEndsWith1) {
  EXPECT_EXIT(
      ThrowInAThread(std::system_error(std::make_error_code(std::errc::too_many_files_open))),
      testing::ExitedWithCode(1), "level=critical .* error=\"Too many open files\"");
}

TEST(LastWordsDeathTest, ABugIsSaidAndAborts) {
  EXPECT_EXIT(ThrowInAThread(std::out_of_range("index 7")), testing::KilledBySignal(SIGABRT),
              "level=critical .*bug.* error=\"index 7\"");
}

}  // namespace
}  // namespace target_eye
