#include "util/heap_room.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace target_eye {
namespace {

constexpr std::size_t kMinBytes = std::size_t{16} << 20;
constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// glibc's own, for what the heap grows by beyond what was asked for, and keeps at its end.
constexpr int kUsualPad = 128 << 10;
// Below what is mapped by itself.
constexpr std::size_t kBlockBytes = 64 << 10;

struct Free {
  void operator()(void* block) const { std::free(block); }
};

// Takes blocks until the heap has grown beyond `end`, and frees them.
void GrowHeap(const void* end) {
  std::array<std::unique_ptr<void, Free>, 16> blocks;
  for (auto& block : blocks) {
    block.reset(std::malloc(kBlockBytes));
    if (sbrk(0) != end) return;
  }
}

void SetPad(int bytes) {
  mallopt(M_TOP_PAD, bytes);
  mallopt(M_TRIM_THRESHOLD, bytes);
}

}  // namespace

HeapRoom::HeapRoom(std::size_t bytes) {
  if (bytes < kMinBytes || getpid() != gettid()) return;
  char* const begin = static_cast<char*>(sbrk(0));
  SetPad(static_cast<int>(std::min(bytes, kMaxBytes)));
  GrowHeap(begin);
  char* const end = static_cast<char*>(sbrk(0));
  const std::size_t before_aligned =
      kHugePage - reinterpret_cast<std::uintptr_t>(begin) % kHugePage;
  if (end <= begin || static_cast<std::size_t>(end - begin) <= before_aligned) {
    SetPad(kUsualPad);
    return;
  }
  bytes_ = static_cast<std::size_t>(end - begin) - before_aligned;
  madvise(begin + before_aligned, bytes_, MADV_HUGEPAGE);
}

HeapRoom::~HeapRoom() {
  if (bytes_ == 0) return;
  SetPad(kUsualPad);
}

}  // namespace target_eye
