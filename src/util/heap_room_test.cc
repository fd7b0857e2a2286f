#include "util/heap_room.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <thread>

namespace target_eye {
namespace {

constexpr std::size_t kBytes = std::size_t{64} << 20;

TEST(HeapRoomTest, ASmallStateNeedsNone) {
  const HeapRoom room(1'000'000);
  EXPECT_EQ(room.bytes(), 0U);
}

TEST(HeapRoomTest, AnotherThreadHasItsOwnHeap) {
  std::thread([] {
    const HeapRoom room(kBytes);
    EXPECT_EQ(room.bytes(), 0U);
  }).join();
}

}  // namespace
}  // namespace target_eye
