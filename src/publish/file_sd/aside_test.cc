#include "publish/file_sd/aside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "publish/file_sd/folders.h"
#include "publish/file_sd/testing/published_files.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::string_view kName = "targets.json";

class AsideTest : public testing::Test {
 protected:
  AsideTest() {
    auto folders = OpenFolders(root_.path());
    EXPECT_TRUE(folders);
    folders_ = *std::move(folders);
    auto staging = MakeFolders(folders_);
    EXPECT_TRUE(staging);
    staging_ = *std::move(staging);
  }
  AsideFolders Where() const {
    return {folders_.directory.get(), folders_.hidden.get(), staging_.get()};
  }
  std::string Text(const std::string& kept) const { return root_.Read(".target-eye/" + kept); }
  std::vector<std::string> Kept() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ / ".target-eye/aside")) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  TempDirectory root_;
  Folders folders_;
  UniqueFd staging_;
};

TEST_F(AsideTest, ACopyHasTheBytesAndTheTimeAndTheFileStays) {
  root_.Write(kName, "theirs");
  const auto kept = CopyAside(Where(), std::string(kName));
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_THAT(*kept, StartsWith("aside/targets.json."));
  EXPECT_EQ(Text(*kept), "theirs");
  EXPECT_EQ(fs::last_write_time(root_ / (".target-eye/" + *kept)),
            fs::last_write_time(root_ / kName));
  // Writing to the one must not change the other.
  root_.Write(kName, "repaired");
  EXPECT_EQ(Text(*kept), "theirs");
  EXPECT_TRUE(fs::is_empty(root_ / ".target-eye/staging"));
}

TEST_F(AsideTest, TheSameBytesAreKeptOnce) {
  root_.Write(kName, "theirs");
  const auto first = CopyAside(Where(), std::string(kName));
  EXPECT_EQ(CopyAside(Where(), std::string(kName)), first);
  EXPECT_EQ(LinkAside(Where(), std::string(kName), true), first);
  EXPECT_THAT(Kept(), SizeIs(1));
  const auto moved = MoveAside(Where(), std::string(kName));
  ASSERT_TRUE(moved);
  EXPECT_EQ(*moved, *first);
  EXPECT_FALSE(root_.Has(kName));
  EXPECT_THAT(Kept(), SizeIs(1));
}

TEST_F(AsideTest, WhatIsThereUnderTheNameIsNeverReplaced) {
  root_.Write(kName, "theirs");
  const auto first = CopyAside(Where(), std::string(kName));
  ASSERT_TRUE(first);
  root_.Write(".target-eye/" + *first, "somebody wrote in here");
  for (const auto& kept :
       {CopyAside(Where(), std::string(kName)), LinkAside(Where(), std::string(kName), true)}) {
    ASSERT_TRUE(kept) << kept.error().message;
    EXPECT_EQ(*kept, *first + ".1");
    EXPECT_EQ(Text(*kept), "theirs");
  }
  EXPECT_EQ(Text(*first), "somebody wrote in here");
}

TEST_F(AsideTest, ALinkOutlivesTheReplacement) {
  root_.Write(kName, "theirs");
  const auto kept = LinkAside(Where(), std::string(kName), true);
  ASSERT_TRUE(kept) << kept.error().message;
  root_.Write("new", "ours");
  fs::rename(root_ / "new", root_ / kName);
  EXPECT_EQ(Text(*kept), "theirs");
}

TEST_F(AsideTest, AFullFolderKeepsNoMoreOfAnOverwriter) {
  for (std::size_t i = 0; i < kMaxAsideFiles; ++i) {
    root_.Write(kName, std::to_string(i));
    ASSERT_TRUE(LinkAside(Where(), std::string(kName), true)) << i;
    fs::remove(root_ / kName);
  }
  root_.Write(kName, "one more");
  const auto refused = LinkAside(Where(), std::string(kName), true);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("empty it"));
  EXPECT_EQ(root_.Read(kName), "one more");
  // What a person has decided on is kept all the same, and so is what is there already.
  root_.Write(kName, "7");
  EXPECT_TRUE(LinkAside(Where(), std::string(kName), true));
  root_.Write(kName, "one more");
  EXPECT_TRUE(LinkAside(Where(), std::string(kName), false));
}

TEST_F(AsideTest, AFullDiskLeavesNothingHalfDone) {
  root_.Write(kName, std::string(100'000, 'x'));
  {
    const FileSizeLimit full(50'000);
    EXPECT_FALSE(CopyAside(Where(), std::string(kName)));
  }
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_TRUE(fs::is_empty(root_ / ".target-eye/staging"));
  EXPECT_EQ(root_.Read(kName).size(), 100'000U);
}

TEST_F(AsideTest, LinksAndDirectoriesAreMovedAsTheyAre) {
  root_.Write("elsewhere", "precious");
  fs::create_symlink(root_ / "elsewhere", root_ / kName);
  EXPECT_FALSE(CopyAside(Where(), std::string(kName)));
  const auto link = MoveAside(Where(), std::string(kName));
  ASSERT_TRUE(link && *link);
  EXPECT_TRUE(fs::is_symlink(root_ / (".target-eye/" + **link)));
  root_.Write("targets.json/inside", "kept");
  const auto folder = MoveAside(Where(), std::string(kName));
  ASSERT_TRUE(folder && *folder);
  EXPECT_EQ(Text(**folder + "/inside"), "kept");
  EXPECT_EQ(root_.Read("elsewhere"), "precious");
  EXPECT_EQ(*MoveAside(Where(), std::string(kName)), std::nullopt);
}

TEST_F(AsideTest, TheLongestNamesFit) {
  const std::string name = std::string(200, 'n') + "~" + std::string(32, '0') + ".json";
  root_.Write(name, "theirs");
  const auto first = CopyAside(Where(), name);
  ASSERT_TRUE(first) << first.error().message;
  root_.Write(".target-eye/" + *first, "other");
  const auto second = CopyAside(Where(), name);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(Text(*second), "theirs");
}

}  // namespace
}  // namespace target_eye
