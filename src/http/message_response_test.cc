#include "http/message_response.h"

#include <gtest/gtest.h>

namespace target_eye {
namespace {

TEST(EncodeMessageTest, AMessageIsAnObjectWhateverBytesItHolds) {
  EXPECT_EQ(EncodeMessage(""), R"({"message":""})");
  EXPECT_EQ(EncodeMessage("say \"no\"\n"), R"({"message":"say \"no\"\n"})");
  EXPECT_EQ(EncodeMessage("caf\xC3\xA9"), "{\"message\":\"caf\xC3\xA9\"}");
  EXPECT_EQ(EncodeMessage("a\xFF\xC3z"), "{\"message\":\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"}");
}

}  // namespace
}  // namespace target_eye
