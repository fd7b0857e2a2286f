#include "util/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "util/testing/file_size_limit.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class AtomicFileTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "out");
    fs::create_directories(root_ / "staging");
    std::error_code error;
    out_ = OpenDirectory(root_ / "out", error);
    ASSERT_FALSE(error) << error.message();
    staging_ = OpenDirectory(root_ / "staging", error);
    ASSERT_FALSE(error) << error.message();
  }

  ReplaceOutcome Replace(std::vector<std::string_view> pieces) {
    return ReplaceFileAt(out_.get(), staging_.get(), "f.json", pieces, error_);
  }

  static std::string Read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void Write(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static struct stat StatusOf(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(lstat(path.c_str(), &status), 0) << path;
    return status;
  }
  std::vector<std::string> Staged() {
    std::error_code error;
    return ListDirectory(staging_.get(), error);
  }

  const TempDirectory temporary_;
  const fs::path root_ = temporary_.path();
  UniqueFd out_;
  UniqueFd staging_;
  std::error_code error_;
};

TEST_F(AtomicFileTest, AMissingFileIsWritten) {
  EXPECT_EQ(Replace({"one", "", " two"}), ReplaceOutcome::kWritten);
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(Read(root_ / "out/f.json"), "one two");
  EXPECT_THAT(Staged(), IsEmpty());
}

TEST_F(AtomicFileTest, NoPiecesMakeAnEmptyFile) {
  EXPECT_EQ(Replace({}), ReplaceOutcome::kWritten);
  EXPECT_EQ(StatusOf(root_ / "out/f.json").st_size, 0);
}

TEST_F(AtomicFileTest, TheModeIs0644WhateverTheUmask) {
  const mode_t before = umask(0077);
  Replace({"x"});
  umask(before);
  EXPECT_EQ(StatusOf(root_ / "out/f.json").st_mode & 07777, 0644U);
}

TEST_F(AtomicFileTest, TheSameBytesLeaveTheFileUntouched) {
  Replace({"one two"});
  const struct stat before = StatusOf(root_ / "out/f.json");
  EXPECT_EQ(Replace({"one", " ", "two"}), ReplaceOutcome::kUnchanged);
  EXPECT_FALSE(error_);
  const struct stat after = StatusOf(root_ / "out/f.json");
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
  EXPECT_EQ(before.st_ctim.tv_sec, after.st_ctim.tv_sec);
}

TEST_F(AtomicFileTest, ADifferenceAtTheSameSizeIsSeen) {
  Replace({"one two"});
  EXPECT_EQ(Replace({"one twO"}), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "out/f.json"), "one twO");
}

TEST_F(AtomicFileTest, ALongerAndAShorterTextReplaceTheFile) {
  Replace({"one two"});
  EXPECT_EQ(Replace({"one"}), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "out/f.json"), "one");
  EXPECT_EQ(Replace({"one", "two"}), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "out/f.json"), "onetwo");
}

TEST_F(AtomicFileTest, ManyPiecesAndManyChunksAreWrittenAndComparedWhole) {
  std::vector<std::string> texts;
  std::string whole;
  for (int i = 0; i < 5000; ++i) {
    texts.push_back(std::string(static_cast<std::size_t>(i % 97), static_cast<char>('a' + i % 26)));
    whole += texts.back();
  }
  ASSERT_GT(whole.size(), std::size_t{3} << 16);
  std::vector<std::string_view> pieces(texts.begin(), texts.end());
  EXPECT_EQ(Replace(pieces), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "out/f.json"), whole);
  EXPECT_EQ(Replace(pieces), ReplaceOutcome::kUnchanged);
  EXPECT_EQ(Replace({whole}), ReplaceOutcome::kUnchanged);
  whole.back() = '!';
  EXPECT_EQ(Replace({whole}), ReplaceOutcome::kWritten);
}

TEST_F(AtomicFileTest, AReaderThatHasTheOldFileOpenKeepsItWhole) {
  Replace({"old"});
  std::ifstream reader(root_ / "out/f.json");
  Replace({"new!"});
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "old");
}

TEST_F(AtomicFileTest, ASymbolicLinkIsRefusedAndItsTargetUnharmed) {
  Write(root_ / "precious", "precious");
  fs::create_symlink(root_ / "precious", root_ / "out/f.json");
  Replace({"x"});
  EXPECT_EQ(error_, std::errc::too_many_symbolic_link_levels);
  EXPECT_EQ(Read(root_ / "precious"), "precious");
  EXPECT_TRUE(fs::is_symlink(root_ / "out/f.json"));
}

TEST_F(AtomicFileTest, ADirectoryOrAPipeInThePlaceIsRefused) {
  fs::create_directory(root_ / "out/f.json");
  Replace({"x"});
  EXPECT_EQ(error_, std::errc::is_a_directory);
  fs::remove(root_ / "out/f.json");
  ASSERT_EQ(mkfifo((root_ / "out/f.json").c_str(), 0600), 0);
  Replace({"x"});
  EXPECT_EQ(error_, std::errc::invalid_argument);
}

TEST_F(AtomicFileTest, AHardLinkToTheOldFileKeepsItsBytes) {
  Write(root_ / "precious", "precious");
  fs::create_hard_link(root_ / "precious", root_ / "out/f.json");
  EXPECT_EQ(Replace({"x"}), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "precious"), "precious");
}

TEST_F(AtomicFileTest, ALeftoverInStagingIsReplaced) {
  Write(root_ / "staging/f.json", "half of somethi");
  EXPECT_EQ(Replace({"x"}), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "out/f.json"), "x");
}

TEST_F(AtomicFileTest, ASymbolicLinkPlantedInStagingIsNotFollowed) {
  Write(root_ / "precious", "precious");
  fs::create_symlink(root_ / "precious", root_ / "staging/f.json");
  EXPECT_EQ(Replace({"x"}), ReplaceOutcome::kWritten);
  EXPECT_EQ(Read(root_ / "precious"), "precious");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root_ / "out/f.json")));
}

TEST_F(AtomicFileTest, AFailedWriteLeavesTheOldFileAndNothingInStaging) {
  Replace({"old"});
  const std::string large(100'000, 'x');
  {
    const FileSizeLimit limit(4096);
    Replace({large});
  }
  EXPECT_EQ(error_, std::errc::file_too_large);
  EXPECT_EQ(Read(root_ / "out/f.json"), "old");
  EXPECT_THAT(Staged(), IsEmpty());
}

TEST_F(AtomicFileTest, ARemovedDirectoryIsAnError) {
  fs::remove_all(root_ / "out");
  Replace({"x"});
  EXPECT_EQ(error_, std::errc::no_such_file_or_directory);
  EXPECT_THAT(Staged(), IsEmpty());
}

class ManyFilesTest : public AtomicFileTest, public testing::WithParamInterface<int> {
 protected:
  // Gives how many were written; failed_ and error_ are the first that was not.
  int ReplaceAll(std::string_view text) {
    std::vector<FileText> files;
    for (int i = 0; i < GetParam(); ++i) files.push_back({Name(i), {"text ", text}});
    replaced_ = ReplaceFilesAt(out_.get(), staging_.get(), files);
    EXPECT_EQ(replaced_.size(), files.size());
    failed_.clear();
    error_.clear();
    int written = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      written += replaced_[i].written ? 1 : 0;
      if (!replaced_[i].error || error_) continue;
      failed_ = files[i].name;
      error_ = replaced_[i].error;
    }
    return written;
  }
  static std::string Name(int i) { return "f" + std::to_string(i); }

  std::vector<ReplacedFile> replaced_;
  std::string failed_;
};

TEST_P(ManyFilesTest, OnlyThoseThatDifferAreWritten) {
  EXPECT_EQ(ReplaceAll("one"), GetParam());
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(ReplaceAll("one"), 0);
  Write(root_ / "out" / Name(0), "else");
  EXPECT_EQ(ReplaceAll("one"), 1);
  for (int i = 0; i < GetParam(); ++i) EXPECT_EQ(Read(root_ / "out" / Name(i)), "text one");
  EXPECT_THAT(Staged(), IsEmpty());
}

TEST_P(ManyFilesTest, WhatIsInTheWayOfOneFileIsInTheWayOfNoOther) {
  ReplaceAll("one");
  const std::string last = Name(GetParam() - 1);
  fs::remove(root_ / "out" / last);
  fs::create_directory(root_ / "out" / last);
  EXPECT_EQ(ReplaceAll("two"), GetParam() - 1);
  EXPECT_EQ(failed_, last);
  EXPECT_EQ(error_, std::errc::is_a_directory);
  EXPECT_THAT(Staged(), IsEmpty());
}

TEST_P(ManyFilesTest, WhatIsToBeKeptIsAskedForAndMayStay) {
  std::vector<std::string> asked;
  const auto replace = [&](std::string_view text) {
    std::vector<FileText> files;
    for (int i = 0; i < GetParam(); ++i) files.push_back({Name(i), {text}});
    asked.clear();
    return ReplaceFilesAt(out_.get(), staging_.get(), files, [&](const std::string& name) {
      asked.push_back(name);
      EXPECT_EQ(Read(root_ / "out" / name), "one");
      return name != Name(0);
    });
  };
  replace("one");
  EXPECT_THAT(asked, IsEmpty());  // Nothing was there.
  replace("one");
  EXPECT_THAT(asked, IsEmpty());  // It was the same.
  const auto replaced = replace("two");
  EXPECT_EQ(asked.size(), replaced.size());
  for (int i = 0; i < GetParam(); ++i) {
    const auto& file = replaced[static_cast<std::size_t>(i)];
    EXPECT_EQ(file.written, i != 0);
    EXPECT_EQ(file.error == std::errc::file_exists, i == 0);
    EXPECT_EQ(Read(root_ / "out" / Name(i)), i == 0 ? "one" : "two");
  }
  EXPECT_THAT(Staged(), IsEmpty());
}

TEST_P(ManyFilesTest, AFailedWriteLeavesTheOldFilesAndNothingInStaging) {
  ReplaceAll("one");
  {
    const FileSizeLimit limit(10);
    EXPECT_EQ(ReplaceAll("much longer"), 0);
    EXPECT_EQ(failed_, Name(0));
  }
  EXPECT_EQ(error_, std::errc::file_too_large);
  for (int i = 0; i < GetParam(); ++i) EXPECT_EQ(Read(root_ / "out" / Name(i)), "text one");
  EXPECT_THAT(Staged(), IsEmpty());
}

TEST_P(ManyFilesTest, MarksAreThoseOfTheFilesAsTheyAre) {
  for (const char* text : {"one", "two", "two"}) {
    ReplaceAll(text);
    for (int i = 0; i < GetParam(); ++i) {
      EXPECT_EQ(replaced_[static_cast<std::size_t>(i)].mark, MarkOf(out_.get(), Name(i), error_));
    }
  }
}

TEST_P(ManyFilesTest, AFileThatNotEverybodyMayReadIsWrittenAgain) {
  ReplaceAll("one");
  for (const mode_t mode : {0000, 0600, 0640, 0604}) {
    ASSERT_EQ(chmod((root_ / "out" / Name(0)).c_str(), mode), 0);
    EXPECT_EQ(ReplaceAll("one"), 1);
    EXPECT_EQ(StatusOf(root_ / "out" / Name(0)).st_mode & 07777, 0644U);
  }
  ASSERT_EQ(chmod((root_ / "out" / Name(0)).c_str(), 0664), 0);
  EXPECT_EQ(ReplaceAll("one"), 0);
}

// An access list that keeps one user from reading leaves the mode as it was: user::rw-,
// user:1:---, group::r--, mask::r--, other::r--.
TEST_P(ManyFilesTest, AFileThatOneUserMayNotReadIsWrittenAgain) {
  constexpr std::string_view kAccessList(
      "\2\0\0\0\1\0\6\0\xff\xff\xff\xff\2\0\0\0\1\0\0\0\4\0\4\0\xff\xff\xff\xff"
      "\x10\0\4\0\xff\xff\xff\xff\x20\0\4\0\xff\xff\xff\xff",
      44);
  ReplaceAll("one");
  const std::string path = root_ / "out" / Name(0);
  ASSERT_EQ(
      setxattr(path.c_str(), "system.posix_acl_access", kAccessList.data(), kAccessList.size(), 0),
      0)
      << std::strerror(errno) << "; set TMPDIR to a folder on a file system with access lists";
  ASSERT_EQ(StatusOf(path).st_mode & 0777, 0644U);
  EXPECT_EQ(ReplaceAll("one"), 1);
  EXPECT_LE(getxattr(path.c_str(), "system.posix_acl_access", nullptr, 0), 0);
  EXPECT_EQ(ReplaceAll("one"), 0);
}

INSTANTIATE_TEST_SUITE_P(AFewAndMany, ManyFilesTest, testing::Values(1, 3, 30));

TEST_F(AtomicFileTest, ReadingStopsAtTheLimit) {
  Write(root_ / "out/f.json", std::string(200'000, 'x'));
  EXPECT_EQ(ReadFileAt(out_.get(), "f.json", 200'000, error_), std::string(200'000, 'x'));
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(ReadFileAt(out_.get(), "f.json", 199'999, error_), "");
  EXPECT_EQ(error_, std::errc::file_too_large);
}

TEST_F(AtomicFileTest, ReadingFollowsNoLinkAndOpensNoPipe) {
  Write(root_ / "precious", "precious");
  fs::create_symlink(root_ / "precious", root_ / "out/f.json");
  EXPECT_EQ(ReadFileAt(out_.get(), "f.json", 100, error_), "");
  EXPECT_EQ(error_, std::errc::too_many_symbolic_link_levels);
  ASSERT_EQ(mkfifo((root_ / "out/pipe").c_str(), 0600), 0);
  EXPECT_EQ(ReadFileAt(out_.get(), "pipe", 100, error_), "");
  EXPECT_EQ(error_, std::errc::invalid_argument);
  EXPECT_EQ(ReadFileAt(out_.get(), "missing", 100, error_), "");
  EXPECT_EQ(error_, std::errc::no_such_file_or_directory);
}

TEST_F(AtomicFileTest, AFolderIsMadeOnceAndALinkInItsPlaceIsRefused) {
  EXPECT_TRUE(OpenOrMakeDirectoryAt(out_.get(), "sub", 0700, error_));
  EXPECT_FALSE(error_) << error_.message();
  EXPECT_EQ(StatusOf(root_ / "out/sub").st_mode & 07777, 0700U);
  EXPECT_TRUE(OpenOrMakeDirectoryAt(out_.get(), "sub", 0700, error_));
  fs::create_directory_symlink(root_ / "staging", root_ / "out/link");
  EXPECT_FALSE(OpenOrMakeDirectoryAt(out_.get(), "link", 0700, error_));
  EXPECT_TRUE(error_);
  Write(root_ / "out/file", "");
  EXPECT_FALSE(OpenOrMakeDirectoryAt(out_.get(), "file", 0700, error_));
  EXPECT_EQ(error_, std::errc::not_a_directory);
}

TEST_F(AtomicFileTest, OpenDirectoryRefusesALink) {
  fs::create_directory_symlink(root_ / "out", root_ / "link");
  EXPECT_FALSE(OpenDirectory(root_ / "link", error_));
  EXPECT_TRUE(error_);
}

TEST_F(AtomicFileTest, ListingIsSortedAndMayBeRepeated) {
  Write(root_ / "out/b", "");
  Write(root_ / "out/.a", "");
  fs::create_directory(root_ / "out/c");
  EXPECT_THAT(ListDirectory(out_.get(), error_), ElementsAre(".a", "b", "c"));
  EXPECT_THAT(ListDirectory(out_.get(), error_), ElementsAre(".a", "b", "c"));
  EXPECT_FALSE(error_);
}

TEST(UniqueFdTest, MovingHandsTheDescriptorOverAndClosesTheOldOne) {
  UniqueFd first(open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd second(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int kept = first.get();
  const int closed = second.get();
  second = std::move(first);
  EXPECT_EQ(second.get(), kept);
  EXPECT_EQ(fcntl(closed, F_GETFD), -1);
  second.Reset();
  EXPECT_FALSE(second);
  EXPECT_EQ(fcntl(kept, F_GETFD), -1);
}

}  // namespace
}  // namespace target_eye
