#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

namespace target_eye {

// Starts a thread that runs `work`, under a `name` of at most 15 bytes that top and gdb show.
// Throws a std::system_error that says so if the system has no room for one more.
std::thread StartThread(const std::string& name, std::function<void()> work);

// The processor time that the calling thread has used: of use where a wait for others must not
// count.
std::chrono::nanoseconds ThreadCpuTime();

}  // namespace target_eye
