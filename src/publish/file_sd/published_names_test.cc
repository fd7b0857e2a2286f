#include "publish/file_sd/published_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

#include "publish/file_sd/name_list.h"
#include "publish/file_sd/testing/published_files.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class PublishedNamesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(root_ / "h/s");
    directory_ = OpenDirectory(root_.path(), error_);
    hidden_ = OpenDirectory(root_ / "h", error_);
    staging_ = OpenDirectory(root_ / "h/s", error_);
  }
  void Load(PublishedNames& names) {
    names.Load(directory_.get(), hidden_.get(), staging_.get(), error_);
  }
  void Add(PublishedNames& names, const std::vector<std::string>& added) {
    names.Add(added, hidden_.get(), staging_.get(), error_);
  }

  TempDirectory root_;
  UniqueFd directory_;
  UniqueFd hidden_;
  UniqueFd staging_;
  std::error_code error_;
};

TEST_F(PublishedNamesTest, ANameIsOnTheDiskOnceItIsAdded) {
  PublishedNames names;
  Load(names);
  Add(names, {"a@b.json", "a%2Fb@c.json"});
  ASSERT_FALSE(error_) << error_.message();
  EXPECT_TRUE(names.Owns("a@b.json"));
  EXPECT_EQ(root_.Read("h/published"), "a%40b.json\na%252Fb%40c.json\n");
}

TEST_F(PublishedNamesTest, OpeningKeepsTheNamesThatHaveFilesAndDropsTheOthers) {
  root_.Write("here@x.json", "");
  root_.Write("h/published", "gone%40x.json\nhere%40x.json\n");
  PublishedNames names;
  Load(names);
  EXPECT_THAT(names.all(), ElementsAre("here@x.json"));
  EXPECT_EQ(root_.Read("h/published"), "here%40x.json\n");
}

TEST_F(PublishedNamesTest, ALineThatACrashCutOffIsNoName) {
  root_.Write("a.json", "");
  root_.Write("b.json", "");
  root_.Write("h/published", "a.json\nb.json");
  PublishedNames names;
  Load(names);
  EXPECT_THAT(names.all(), ElementsAre("a.json"));
  Add(names, {"c.json"});
  EXPECT_EQ(root_.Read("h/published"), "a.json\nc.json\n");
}

TEST_F(PublishedNamesTest, AnEditedListLeadsNowhereElse) {
  EXPECT_THAT(DecodeNames("..%2Fx.json\n/etc/x.json\n..\nnotes.txt\na%00.json\n%zz.json\n"),
              IsEmpty());
}

TEST_F(PublishedNamesTest, AFailedAppendOwnsNothingAndLeavesNoHalfLine) {
  root_.Write("a.json", "");
  PublishedNames names;
  Load(names);
  Add(names, {"a.json"});
  {
    const FileSizeLimit limit(10);
    Add(names, {"bbbbbbbbbbbbbbbb.json"});
  }
  EXPECT_EQ(error_, std::errc::file_too_large);
  EXPECT_FALSE(names.Owns("bbbbbbbbbbbbbbbb.json"));
  Add(names, {"c.json"});
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(root_.Read("h/published"), "a.json\nc.json\n");
}

TEST_F(PublishedNamesTest, TheListDoesNotGrowForEver) {
  std::vector<std::string> added;
  added.reserve(500);
  for (int i = 0; i < 500; ++i) added.push_back("a" + std::to_string(i) + ".json");
  PublishedNames names;
  Load(names);
  for (int i = 0; i < 20; ++i) {
    Add(names, added);
    ASSERT_FALSE(error_) << error_.message();
    for (const std::string& name : added) names.Forget(name);
  }
  const std::string list = root_.Read("h/published");
  EXPECT_LT(std::count(list.begin(), list.end(), '\n'), 5 * std::ssize(added));
}

TEST_F(PublishedNamesTest, LoadingNeedsNoRoom) {
  root_.Write("h/published", "gone.json\nkept.json\n");
  root_.Write("kept.json", "[]");
  PublishedNames names;
  {
    const FileSizeLimit limit(0);
    Load(names);
  }
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_TRUE(names.Owns("kept.json"));
  EXPECT_FALSE(names.Owns("gone.json"));
  Add(names, {"new.json"});
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(root_.Read("h/published"), "kept.json\nnew.json\n");
}

TEST_F(PublishedNamesTest, ALinkInThePlaceOfTheListIsRefused) {
  root_.Write("precious", "precious");
  std::filesystem::create_symlink(root_ / "precious", root_ / "h/published");
  PublishedNames names;
  Load(names);
  EXPECT_TRUE(error_);
  EXPECT_EQ(root_.Read("precious"), "precious");
}

}  // namespace
}  // namespace target_eye
