#include "util/file_mark.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "util/atomic_file.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;

class FileMarkTest : public testing::Test {
 protected:
  FileMark Mark() { return MarkOf(directory_.get(), "f", error_); }

  const TempDirectory root_;
  std::error_code error_;
  const UniqueFd directory_ = OpenDirectory(root_.path(), error_);
};

TEST_F(FileMarkTest, AFileThatNobodyTouchedKeepsItsMark) {
  root_.Write("f", "text");
  const FileMark before = Mark();
  EXPECT_FALSE(error_) << error_.message();
  root_.Read("f");
  EXPECT_EQ(Mark(), before);
  const UniqueFd open_file(open((root_ / "f").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(MarkOf(open_file.get(), error_), before);
  EXPECT_EQ(before.size, 4U);
  EXPECT_FALSE(before.is_mount);
}

TEST_F(FileMarkTest, EveryChangeShows) {
  const std::string path = root_ / "f";
  const std::vector<std::function<void()>> changes = {
      [&] { root_.Write("f", "longer text"); },
      [&] { EXPECT_EQ(truncate(path.c_str(), 1), 0); },
      [&] { EXPECT_EQ(chmod(path.c_str(), 0600), 0); },
      [&] { EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), nullptr, 0), 0); },
      [&] {
        root_.Write("g", "");
        fs::rename(root_ / "g", path);
      },
      [&] {
        fs::remove(path);
        fs::create_symlink("g", path);
      },
      [&] {
        fs::remove(path);
        fs::create_directory(path);
      },
  };
  root_.Write("f", "text");
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const FileMark before = Mark();
    usleep(20'000);  // The clock of time stamps moves in steps.
    changes[i]();
    EXPECT_NE(Mark(), before) << i;
    EXPECT_FALSE(error_) << error_.message();
  }
}

TEST_F(FileMarkTest, WhatIsNotThereIsAnError) {
  EXPECT_EQ(Mark(), FileMark{});
  EXPECT_EQ(error_, std::errc::no_such_file_or_directory);
}

TEST_F(FileMarkTest, AMountRootIsSeenAsOne) {
  const UniqueFd root = OpenDirectory("/", error_);
  EXPECT_TRUE(MarkOf(root.get(), "proc", error_).is_mount);
}

}  // namespace
}  // namespace target_eye
