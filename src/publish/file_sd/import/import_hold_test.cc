#include "publish/file_sd/import/import_hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "publish/file_sd/testing/published_files.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const HeldFile kFile{"targets.json", "00ff", "line 3: \"x y\"\nis no group",
                     "aside/targets.json.0"};

TEST(ImportHoldTest, IsReadAsItWasWritten) {
  const ImportHold hold{{kFile, {"a%2F~b@c.json", "", "it is a symbolic link", ""}}, {"aa", "bb"}};
  const ImportHold read = DecodeHold(EncodeHold(hold));
  EXPECT_EQ(read.files, hold.files);
  EXPECT_EQ(read.taken, hold.taken);
  EXPECT_TRUE(read.Has("targets.json"));
  EXPECT_FALSE(read.Has("other.json"));
}

TEST(ImportHoldTest, LinesThatSayNothingArePassedOver) {
  const ImportHold read = DecodeHold("\nfile\nfile a b c d e f\n%zz\ntaken aa\nwhat");
  EXPECT_THAT(read.files, IsEmpty());
  EXPECT_THAT(read.taken, ElementsAre("aa"));
}

TEST(ImportHoldTest, AcceptingIsOneStepAndMayBeRepeated) {
  const TempDirectory root;
  const auto stranger = AcceptLoss(root.path());
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().message, HasSubstr("does not publish to"));
  ASSERT_TRUE(WriteHold(root.path(), {{kFile}, {}}));
  const auto accepted = AcceptLoss(root.path());
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_THAT(*accepted, ElementsAre(kFile));
  EXPECT_THAT(ReadHold(root.path())->files, IsEmpty());
  EXPECT_THAT(ReadAccepted(root.path())->files, ElementsAre(kFile));
  EXPECT_THAT(*AcceptLoss(root.path()), IsEmpty());
  EXPECT_THAT(ReadAccepted(root.path())->files, SizeIs(1));
}

TEST(ImportHoldTest, TheMessageNamesTheFilesAndACommandForTheShell) {
  const std::string message = HoldMessage("/srv/it's here", {kFile, kFile, kFile, kFile});
  EXPECT_THAT(message, HasSubstr("targets.json (line 3"));
  EXPECT_THAT(message, HasSubstr("and 1 more"));
  EXPECT_THAT(message, HasSubstr(R"(target-eye accept-loss '/srv/it'\''s here')"));
}

}  // namespace
}  // namespace target_eye
