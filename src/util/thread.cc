#include "util/thread.h"

#include <pthread.h>

#include <ctime>
#include <system_error>
#include <utility>

namespace target_eye {

std::thread StartThread(const std::string& name, std::function<void()> work) {
  try {
    std::thread thread(std::move(work));
    pthread_setname_np(thread.native_handle(), name.c_str());
    return thread;
  } catch (const std::system_error& e) {
    throw std::system_error(e.code(), "cannot start the thread " + name);
  }
}

std::chrono::nanoseconds ThreadCpuTime() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace target_eye
