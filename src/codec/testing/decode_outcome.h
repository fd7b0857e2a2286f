#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "model/change_request.h"

namespace target_eye {

// What a decoder returned, as one text for tables: "a:1 b:2 / env=prod" for targets and labels, "-"
// for a part that was not sent, or "error: " and the message.
inline std::string OutcomeText(const Expected<GroupData>& decoded) {
  if (!decoded) {
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalid);
    return "error: " + decoded.error().message;
  }
  std::string text;
  if (!decoded->targets) text += "- ";
  if (decoded->targets) {
    for (const Target& target : *decoded->targets) text += target.text() + " ";
  }
  text += "/";
  if (!decoded->labels) return text + " -";
  for (const auto& [name, value] : *decoded->labels)
    text.append(" ").append(name).append("=").append(value);
  return text;
}

// `expected` is an OutcomeText; for an error, "error: " and a part of the message.
inline void ExpectOutcome(const Expected<GroupData>& decoded, const std::string& expected) {
  const std::string outcome = OutcomeText(decoded);
  if (!expected.starts_with("error: ")) {
    EXPECT_EQ(outcome, expected);
    return;
  }
  ASSERT_TRUE(outcome.starts_with("error: ")) << "taken as " << outcome.substr(0, 200);
  EXPECT_THAT(outcome, testing::HasSubstr(expected.substr(std::string("error: ").size())));
}

}  // namespace target_eye
