#include "util/unique_fd.h"

#include <unistd.h>

#include <utility>

namespace target_eye {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    Reset();
    fd_ = other.Release();
  }
  return *this;
}

int UniqueFd::Release() noexcept { return std::exchange(fd_, -1); }

void UniqueFd::Reset() noexcept {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace target_eye
