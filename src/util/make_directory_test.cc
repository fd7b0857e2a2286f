#include "util/make_directory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;

class MakeDirectoryTest : public testing::Test {
 protected:
  ~MakeDirectoryTest() override { umask(before_); }

  mode_t ModeOf(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(stat((root_ / name).c_str(), &status), 0) << name;
    return status.st_mode & 07777;
  }

  const TempDirectory root_;
  const mode_t before_ = umask(0022);
  std::error_code error_;
};

TEST_F(MakeDirectoryTest, TheModeIsThatWhichIsGivenWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    umask(mask);
    const std::string name = "d" + std::to_string(mask);
    EXPECT_TRUE(MakeDirectories(root_ / name + "/e/f/", 0755, error_));
    EXPECT_FALSE(error_) << error_.message();
    EXPECT_TRUE(MakeDirectoryAt(AT_FDCWD, root_ / name + "/private", 0700, error_));
    EXPECT_FALSE(error_) << error_.message();
    for (const char* below : {"", "/e", "/e/f"}) EXPECT_EQ(ModeOf(name + below), 0755U);
    EXPECT_EQ(ModeOf(name + "/private"), 0700U);
  }
}

TEST_F(MakeDirectoryTest, WhatIsThereIsLeftAsItIs) {
  fs::create_directory(root_ / "d");
  ASSERT_EQ(chmod((root_ / "d").c_str(), 0710), 0);
  fs::create_directory_symlink("d", root_ / "link");
  for (const char* name : {"d", "d/", "link", "d/../d"}) {
    EXPECT_FALSE(MakeDirectories(root_ / name, 0755, error_)) << name;
    EXPECT_FALSE(error_) << error_.message();
  }
  EXPECT_FALSE(MakeDirectoryAt(AT_FDCWD, root_ / "d", 0755, error_));
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(ModeOf("d"), 0710U);
}

TEST_F(MakeDirectoryTest, AGroupThatIsInheritedStaysSo) {
  ASSERT_EQ(chmod(root_.path().c_str(), 02750), 0);
  umask(0077);
  EXPECT_TRUE(MakeDirectories(root_ / "d", 0755, error_));
  EXPECT_EQ(ModeOf("d"), 02755U);
}

TEST_F(MakeDirectoryTest, WhatStandsInTheWayIsAnError) {
  root_.Write("file", "");
  fs::create_symlink("nothing", root_ / "dangling");
  EXPECT_FALSE(MakeDirectories(root_ / "file", 0755, error_));
  EXPECT_EQ(error_, std::errc::not_a_directory);
  EXPECT_FALSE(MakeDirectories(root_ / "file/d", 0755, error_));
  EXPECT_EQ(error_, std::errc::not_a_directory);
  EXPECT_FALSE(MakeDirectories(root_ / "dangling", 0755, error_));
  EXPECT_EQ(error_, std::errc::file_exists);
  EXPECT_FALSE(MakeDirectories(root_ / std::string(300, 'd'), 0755, error_));
  EXPECT_EQ(error_, std::errc::filename_too_long);
}

TEST_F(MakeDirectoryTest, APathInTheWorkingDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(root_.path());
  EXPECT_TRUE(MakeDirectories("a/b", 0755, error_)) << error_.message();
  EXPECT_TRUE(MakeDirectories("c", 0755, error_)) << error_.message();
  fs::current_path(before);
  EXPECT_TRUE(root_.Has("a/b"));
  EXPECT_TRUE(root_.Has("c"));
}

}  // namespace
}  // namespace target_eye
