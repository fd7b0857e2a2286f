#include "http/session/session_input.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace target_eye {

void SessionInput::MakeRoom(std::size_t bytes) {
  const std::size_t size = end_ - begin_;
  if (capacity_ < bytes) {
    auto bigger = std::make_unique_for_overwrite<char[]>(bytes);
    if (size > 0) std::memcpy(bigger.get(), buffer_.get() + begin_, size);
    buffer_ = std::move(bigger);
    capacity_ = bytes;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, size);
  }
  begin_ = 0;
  end_ = size;
}

std::span<char> SessionInput::Free() {
  if (end_ == capacity_) MakeRoom(begin_ > 0 ? capacity_ : capacity_ * 2);
  return {buffer_.get() + end_, capacity_ - end_};
}

void SessionInput::Erase(std::size_t at, std::size_t bytes) {
  char* const from = buffer_.get() + begin_ + at;
  std::memmove(from, from + bytes, end_ - begin_ - at - bytes);
  end_ -= bytes;
}

void SessionInput::Shrink() {
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  if (capacity_ == kIdleBytes) return;
  buffer_ = std::make_unique_for_overwrite<char[]>(kIdleBytes);
  capacity_ = kIdleBytes;
}

}  // namespace target_eye
