#include "util/sha256.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <new>

namespace target_eye {
namespace {

TEST(Sha256Test, IsTheOneOfTheStandard) {
  const Sha256Digest digest = Sha256("abc");
  EXPECT_EQ(digest[0], 0xba);
  EXPECT_EQ(digest[31], 0xad);
}

bool is_memory_out = false;

// Ends the process: with 0 if Sha256 throws what it promises.
[[noreturn]] void HashWithoutMemory() {
  CRYPTO_set_mem_functions(
      [](std::size_t size, const char*, int) {
        return is_memory_out ? nullptr : std::malloc(size);
      },
      [](void* old, std::size_t size, const char*, int) { return std::realloc(old, size); },
      [](void* old, const char*, int) { std::free(old); });
  Sha256("");  // OpenSSL's own start.
  is_memory_out = true;
  try {
    Sha256("abc");
  } catch (const std::bad_alloc&) {
    std::_Exit(0);
  }
  std::_Exit(1);
}

TEST(Sha256DeathTest, NoMemoryIsNoDigest) {
  // OpenSSL takes other functions only as long as it has not allocated anything.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(HashWithoutMemory(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace target_eye
