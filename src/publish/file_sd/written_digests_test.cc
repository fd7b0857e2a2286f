#include "publish/file_sd/written_digests.h"

#include <gtest/gtest.h>

#include "publish/file_sd/folders.h"
#include "publish/file_sd/testing/published_files.h"

namespace target_eye {
namespace {

const Sha256Digest kA = Sha256("a");
const Sha256Digest kB = Sha256("b");
const Sha256Digest kC = Sha256("c");

class WrittenDigestsTest : public testing::Test {
 protected:
  WrittenDigestsTest() {
    folders_ = *OpenFolders(root_.path());
    staging_ = *MakeFolders(folders_);
  }
  void Load(WrittenDigests& written) {
    written.Load({"x.json", "y.json"}, folders_.hidden.get(), staging_.get());
  }
  void Add(WrittenDigests& written, std::string_view name, const Sha256Digest& digest) {
    const WrittenDigests::Written one{name, digest};
    written.Add(std::span(&one, 1), folders_.hidden.get(), staging_.get());
  }
  static void Confirm(WrittenDigests& written, std::string_view name, const Sha256Digest& digest) {
    const WrittenDigests::Written one{name, digest};
    written.Confirm(std::span(&one, 1));
  }

  TempDirectory root_;
  Folders folders_;
  UniqueFd staging_;
};

TEST_F(WrittenDigestsTest, KnowsWhatIsThereAndWhatIsToCome) {
  WrittenDigests written;
  Load(written);
  EXPECT_FALSE(written.Has("x.json", kA));
  Add(written, "x.json", kA);
  Confirm(written, "x.json", kA);
  Add(written, "x.json", kB);
  WrittenDigests again;
  Load(again);
  for (const WrittenDigests* list : {&written, &again}) {
    EXPECT_TRUE(list->Has("x.json", kA));
    EXPECT_TRUE(list->Has("x.json", kB));
    EXPECT_FALSE(list->Has("y.json", kA));
  }
  Confirm(written, "x.json", kB);
  EXPECT_FALSE(written.Has("x.json", kA));
}

TEST_F(WrittenDigestsTest, AfterAStartEitherTextIsKnownUntilOneTakesItsPlace) {
  WrittenDigests written;
  Load(written);
  for (const Sha256Digest& digest : {kA, kB}) {
    Add(written, "x.json", digest);
    Confirm(written, "x.json", digest);
  }
  WrittenDigests again;
  Load(again);
  Add(again, "x.json", kC);
  EXPECT_TRUE(again.Has("x.json", kA));
  EXPECT_TRUE(again.Has("x.json", kB));
  EXPECT_TRUE(again.Has("x.json", kC));
  Confirm(again, "x.json", kC);
  EXPECT_FALSE(again.Has("x.json", kB));
}

// As on a disk that is full for a while.
TEST_F(WrittenDigestsTest, WhatIsThereIsKnownHoweverOftenItsReplacementFails) {
  WrittenDigests written;
  Load(written);
  Add(written, "x.json", kA);
  Confirm(written, "x.json", kA);
  Add(written, "x.json", kB);
  Add(written, "x.json", kC);
  Add(written, "x.json", kB);
  EXPECT_TRUE(written.Has("x.json", kA));
  WrittenDigests again;
  Load(again);
  EXPECT_TRUE(again.Has("x.json", kA));
  EXPECT_TRUE(again.Has("x.json", kB));
}

TEST_F(WrittenDigestsTest, IsOfTheNamesThatAreOursAndOfWholeLines) {
  WrittenDigests written;
  Load(written);
  Add(written, "x.json", kA);
  Add(written, "z.json", kA);
  root_.Write(".target-eye/written", root_.Read(".target-eye/written") + "nonsense\n0123");
  WrittenDigests again;
  Load(again);
  EXPECT_TRUE(again.Has("x.json", kA));
  EXPECT_FALSE(again.Has("z.json", kA));
  EXPECT_EQ(root_.Read(".target-eye/written").size(), 50U);
}

TEST_F(WrittenDigestsTest, StaysShortHoweverManyTextsComeAndGo) {
  WrittenDigests written;
  Load(written);
  std::uintmax_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    const Sha256Digest digest = Sha256(std::to_string(i));
    Add(written, "x.json", digest);
    Confirm(written, "x.json", digest);
    if (i % 100 == 0) {
      most = std::max(most, std::filesystem::file_size(root_ / ".target-eye/written"));
    }
  }
  EXPECT_LE(most, 300U << 10U);
  WrittenDigests again;
  Load(again);
  EXPECT_TRUE(again.Has("x.json", Sha256("19999")));
}

}  // namespace
}  // namespace target_eye
