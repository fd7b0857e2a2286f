#include "util/json_string.h"

#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

std::string JsonOf(std::string_view text) {
  std::string json;
  AppendJsonString(json, text);
  return json;
}

TEST(JsonStringTextTest, EveryByteComesBackWhereverItStands) {
  for (int byte = 0; byte < 0x100; ++byte) {
    const std::string c(1, static_cast<char>(byte));
    for (const std::string& text :
         {c, c + c, "x" + c, c + "x", "x" + c + c + "y", c + "\\", c + "u0041", "\\" + c}) {
      EXPECT_EQ(JsonStringText(JsonOf(text)), text) << JsonOf(text);
      EXPECT_EQ(JsonStringBytes(text), JsonOf(text).size()) << JsonOf(text);
    }
  }
  EXPECT_EQ(JsonStringText(JsonOf("")), "");
}

}  // namespace
}  // namespace target_eye
