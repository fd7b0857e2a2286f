#pragma once

#include <cstddef>

namespace target_eye {

// While it lives, some `bytes` are filled with many small blocks, as when a large state is loaded:
// makes room for them in one step, in huge pages if the kernel has any (`madvise` or `always` in
// transparent_hugepage/enabled). Otherwise each page is a fault of its own, which can take half of
// the time. What was not used has taken no memory.
//
// Only a hint, which fails silently. It does nothing below 16 MiB, on another thread than the first
// one, and where malloc is not glibc's. From then on, blocks of 128 KiB and more are always mapped
// by themselves, and go back to the kernel when they are freed.
class HeapRoom {
 public:
  explicit HeapRoom(std::size_t bytes);
  HeapRoom(const HeapRoom&) = delete;
  HeapRoom& operator=(const HeapRoom&) = delete;
  ~HeapRoom();

  // How much there is in huge pages, if the kernel has so many. 0: nothing was done.
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

}  // namespace target_eye
