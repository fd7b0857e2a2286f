#include "codec/file_sd_parts.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/group_json.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::string Group(int n) {
  return fmt::format(R"({{"targets":["h{}:1"],"labels":{{"env":"prod","job":"web"}}}})", n);
}

// As this program publishes them.
std::string Published(int count) {
  std::string text;
  for (int n = 1; n <= count; ++n) text += (n == 1 ? "[\n" : ",\n") + Group(n);
  return text + "\n]\n";
}

std::vector<std::string> TargetsOf(const FileSdParts& parts) {
  std::vector<std::string> targets;
  for (const TargetGroup& group : parts.groups) targets.push_back(group.targets[0].text());
  return targets;
}

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  return text.replace(text.find(what), what.size(), by);
}

TEST(FileSdPartsTest, AWholeListHasNoFaults) {
  for (const std::string& text : {Published(3), "\xEF\xBB\xBF" + Published(3)}) {
    const FileSdParts parts = DecodeFileSdParts(text);
    EXPECT_EQ(parts.fault_count, 0U);
    EXPECT_THAT(TargetsOf(parts), ElementsAre("h1:1", "h2:1", "h3:1"));
  }
  EXPECT_EQ(DecodeFileSdParts(" [ ] ").fault_count, 0U);
}

TEST(FileSdPartsTest, AGroupThatCannotBeRegisteredTakesNoOtherWithIt) {
  for (const std::string_view bad :
       {R"("h2:70000")", R"("h2:1",7)", "\"h2:1\"],\"targets\":[", "\"h\xFF\"", ""}) {
    const std::string text = Replaced(Published(3), R"("h2:1")", bad);
    ASSERT_FALSE(DecodeFileSd(text) && bad != "") << bad;
    const FileSdParts parts = DecodeFileSdParts(text);
    EXPECT_THAT(TargetsOf(parts), ElementsAre("h1:1", "h3:1")) << bad;
    ASSERT_THAT(parts.faults, SizeIs(1)) << bad;
    EXPECT_EQ(parts.faults[0].line, 3U) << bad;
  }
  const FileSdParts unknown =
      DecodeFileSdParts(Replaced(Published(3), R"({"targets":["h2:1"])", R"({"x":{"y":[{}]})"));
  EXPECT_THAT(TargetsOf(unknown), ElementsAre("h1:1", "h3:1"));
  EXPECT_THAT(unknown.faults[0].reason, HasSubstr("unknown key"));
}

TEST(FileSdPartsTest, WhatIsNoGroupIsAFault) {
  for (const std::string_view other : {"null", "7", "\"a,]\"", "[]", ""}) {
    const FileSdParts parts =
        DecodeFileSdParts(fmt::format("[{},\n{},\n{}]", Group(1), other, Group(2)));
    EXPECT_THAT(TargetsOf(parts), ElementsAre("h1:1", "h2:1")) << other;
    ASSERT_THAT(parts.faults, SizeIs(1)) << other;
    EXPECT_EQ(parts.faults[0].line, 2U) << other;
  }
}

TEST(FileSdPartsTest, OfAFileThatWasCutShortEveryWholeGroupIsTold) {
  const std::string lines = Published(3);
  const std::string one_line = "[" + Group(1) + ", " + Group(2) + ", " + Group(3) + "]";
  for (const std::string& text : {lines, one_line}) {
    for (std::size_t size = 0; size + 2 < text.size(); ++size) {
      const FileSdParts parts = DecodeFileSdParts(std::string_view(text).substr(0, size));
      std::size_t whole = 0;
      for (int n = 1; n <= 3; ++n) whole += text.find(Group(n)) + Group(n).size() <= size ? 1 : 0;
      // One that ends with the file may be whole or not: only on a line of its own it is.
      EXPECT_GE(parts.groups.size() + 1, whole) << size;
      EXPECT_LE(parts.groups.size(), whole) << size;
      EXPECT_GE(parts.fault_count, 1U) << size;
    }
  }
}

TEST(FileSdPartsTest, AfterALostQuoteOrBracketTheOtherLinesAreRead) {
  const std::pair<std::string_view, std::string_view> losses[] = {
      {R"("h2:1"])", R"("h2:1])"},
      {R"(["h2:1"])", R"("h2:1"])"},
      {R"({"targets":["h2)", R"("targets":["h2)"},
      {R"("h2:1"])", R"("h2:1")"}};
  for (const auto& [what, by] : losses) {
    const FileSdParts parts = DecodeFileSdParts(Replaced(Published(5), what, by));
    EXPECT_THAT(TargetsOf(parts), ElementsAre("h1:1", "h3:1", "h4:1", "h5:1")) << by;
    ASSERT_GE(parts.fault_count, 1U) << by;
    EXPECT_EQ(parts.faults[0].line, 3U) << by;
  }
}

TEST(FileSdPartsTest, ABlockOfZeroesHidesOnlyWhatItCovers) {
  const std::string text =
      Replaced(Published(9), Published(9).substr(60, 150), std::string(150, '\0'));
  const FileSdParts parts = DecodeFileSdParts(text);
  EXPECT_GE(parts.groups.size(), 5U);
  EXPECT_GE(parts.fault_count, 1U);
}

TEST(FileSdPartsTest, OfWhatIsNoListNothingIsTold) {
  for (const std::string_view text :
       {"", " ", "null", "{}", "7", "not json", "\xFF\xFE[", "- targets: [a:1]"}) {
    const FileSdParts parts = DecodeFileSdParts(text);
    EXPECT_THAT(parts.groups, IsEmpty()) << text;
    EXPECT_GE(parts.fault_count, 1U) << text;
  }
  EXPECT_EQ(DecodeFileSdParts("[] []").fault_count, 1U);
  EXPECT_EQ(DecodeFileSdParts("[]]").fault_count, 1U);
}

TEST(FileSdPartsTest, ManyFaultsAreCountedAndTheFirstAreNamed) {
  std::string text = "[";
  for (int n = 0; n < 1000; ++n) text += "{},\n";
  const FileSdParts parts = DecodeFileSdParts(text + Group(1) + "]");
  EXPECT_EQ(parts.fault_count, 1000U);
  EXPECT_THAT(parts.faults, SizeIs(FileSdParts::kMaxFaults));
  EXPECT_EQ(parts.faults[9].line, 10U);
  EXPECT_THAT(parts.groups, SizeIs(1));
}

// Deeper, and of more pieces, than any clever reading could bear.
TEST(FileSdPartsTest, HostileTextTakesLinearTime) {
  constexpr std::size_t kBytes = std::size_t{256} << 10;
  for (const std::string_view piece : {"[", "{", "[{", "\n{", "\"", "\\", "},", "\n{}", "[],"}) {
    std::string text;
    while (text.size() < kBytes) text += piece;
    EXPECT_THAT(DecodeFileSdParts(text).groups, IsEmpty());
    EXPECT_THAT(DecodeFileSdParts("[" + text).groups, IsEmpty());
  }
}

}  // namespace
}  // namespace target_eye
