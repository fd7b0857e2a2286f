#include "util/let_go.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace target_eye {
namespace {

TEST(LetGoTest, NothingIsKept) {
  std::string text(1000, 'x');
  LetGo(text);
  EXPECT_EQ(text, "");
  EXPECT_EQ(text.capacity(), std::string().capacity());
  std::vector<int> numbers(1000);
  LetGo(numbers);
  EXPECT_EQ(numbers.capacity(), 0U);
}

}  // namespace
}  // namespace target_eye
