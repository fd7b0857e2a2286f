#include "app/last_words.h"

#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>
#include <string_view>

#include "telemetry/log.h"

namespace target_eye {
namespace {

constexpr std::string_view kOutOfMemory =
    "out of memory: the program ends. No change that was answered with 200 is lost; start it again";

// To standard error as it is, since there may be no memory for a line of the log.
void SayPlainly(std::string_view text) {
  // What cannot be written can be told to nobody.
  for (const std::string_view part :
       {std::string_view("target-eye: "), text, std::string_view("\n")}) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, part.data(), part.size());
  }
}

// Of the thread that asked for it.
thread_local bool is_memory_out = false;

[[noreturn]] void NoteNoMemory() {
  is_memory_out = true;
  throw std::bad_alloc();
}

// Null if an exception leaves a function that must not throw: the compiler may have run what tidies
// up on the way, and then it calls std::terminate without the exception.
std::exception_ptr Uncaught() {
  const auto exception = std::current_exception();
  return exception || !is_memory_out ? exception : std::make_exception_ptr(std::bad_alloc());
}

// Gives whether it tells of the system, and not of a bug.
bool SayWhy(const std::exception_ptr& exception) {
  constexpr std::string_view kBug = "the program has a bug, and ends; please report it";
  if (!exception) {
    Log(LogLevel::kCritical, kBug);
    return false;
  }
  try {
    std::rethrow_exception(exception);
  } catch (const std::bad_alloc&) {
    Log(LogLevel::kCritical, kOutOfMemory);
    return true;
  } catch (const std::runtime_error& e) {
    Log(LogLevel::kCritical, "the program cannot go on, and ends", {{"error", e.what()}});
    return true;
  } catch (const std::exception& e) {
    Log(LogLevel::kCritical, kBug, {{"error", e.what()}});
    return false;
  }
}

[[noreturn]] void End() {
  try {
    if (!SayWhy(Uncaught())) std::abort();
  } catch (...) {
    SayPlainly(kOutOfMemory);
  }
  ::_exit(EXIT_FAILURE);
}

}  // namespace

void SayWhyItEnds() {
  std::set_new_handler(NoteNoMemory);
  std::set_terminate(End);
}

}  // namespace target_eye
