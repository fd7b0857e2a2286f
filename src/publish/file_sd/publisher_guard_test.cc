#include <fcntl.h>

#include <algorithm>

#include "publish/file_sd/aside.h"
#include "publish/file_sd/import/import_hold.h"
#include "publish/file_sd/testing/publisher_fixture.h"

// What happens when somebody else changes what was published.

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::Eq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

constexpr mode_t kPublishedMode = 0644;

mode_t ModeOf(const std::string& path) {
  struct stat status{};
  return lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

class PublisherGuardTest : public FileSdPublisherTest {
 protected:
  // The damage of the tests is done to `file_`, which shows kA.
  void Begin(FileSdLayout layout) {
    Open(layout);
    Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
    file_ = layout == FileSdLayout::kFile ? "targets.json" : "a@x.json";
    text_ = root_.Read(file_);
    ASSERT_THAT(text_, HasSubstr("h:1"));
  }

  int restored() {
    const std::string text = metrics_.Render();
    const std::string_view line =
        "\ntarget_eye_published_files_restored_total{publisher=\"file_sd\"} ";
    const auto at = text.find(line);
    return at == std::string::npos ? -1 : std::stoi(text.substr(at + line.size()));
  }

  bool IsWell() {
    return Eventually([&] {
      const auto status = publisher_->status();
      return status.failure.empty() && status.damage.empty() && root_.Read(file_) == text_ &&
             ModeOf(root_ / file_) == kPublishedMode;
    });
  }
  bool SaysOfDamage(const std::string& what) {
    return Eventually([&] { return publisher_->status().damage.find(what) != std::string::npos; });
  }

  // What was put aside.
  std::vector<std::string> Aside() {
    std::vector<std::string> texts;
    std::error_code error;
    const UniqueFd folder = OpenDirectory(root_ / ".target-eye/aside", error);
    if (error) return texts;
    for (const std::string& name : ListDirectory(folder.get(), error)) {
      texts.push_back(root_.Read(".target-eye/aside/" + name));
    }
    return texts;
  }
  void FillAside(std::size_t files) {
    fs::create_directory(root_ / ".target-eye/aside");
    for (std::size_t i = 0; i < files; ++i) {
      root_.Write(".target-eye/aside/" + std::to_string(i), "old");
    }
  }

  // Of what FillAside has put there: another file may come meanwhile.
  void EmptyAside() {
    for (std::size_t i = 0; i < kMaxAsideFiles; ++i) {
      fs::remove(root_ / ".target-eye/aside/" + std::to_string(i));
    }
  }

  // Other than std::ofstream, which opens a file anew.
  void WriteInPlace(const std::string& path, std::string_view text) {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_EQ(pwrite(file.get(), text.data(), text.size(), 0), std::ssize(text));
  }

  std::string file_;
  std::string text_;
};

class EveryLayoutTest : public PublisherGuardTest,
                        public testing::WithParamInterface<FileSdLayout> {
 protected:
  void SetUp() override { Begin(GetParam()); }
};

using Damage = std::function<void(const std::string& path)>;

// Each is noticed with no change of any group, and put back by one event.
TEST_P(EveryLayoutTest, WhateverIsDoneToAFileIsUndone) {
  const std::string elsewhere = root_ / "elsewhere";
  struct Case {
    const char* name;
    Damage damage;
  };
  const std::vector<Case> cases = {
      {"removed", [](auto& path) { fs::remove(path); }},
      {"moved away", [&](auto& path) { fs::rename(path, elsewhere); }},
      {"emptied", [](auto& path) { fs::resize_file(path, 0); }},
      {"cut", [](auto& path) { fs::resize_file(path, 3); }},
      {"appended to", [](auto& path) { std::ofstream(path, std::ios::app) << " "; }},
      {"overwritten with as many bytes",
       [&](auto& path) {
         const auto time = fs::last_write_time(path);
         WriteInPlace(path, "{");
         fs::last_write_time(path, time);
       }},
      {"replaced",
       [&](auto& path) {
         std::ofstream(elsewhere) << "[]";
         fs::rename(elsewhere, path);
       }},
      {"unreadable", [](auto& path) { chmod(path.c_str(), 0); }},
      {"unreadable for others", [](auto& path) { chmod(path.c_str(), 0640); }},
  };
  int count = 0;
  for (const auto& [name, damage] : cases) {
    SCOPED_TRACE(name);
    EventCounter events(root_.path());
    damage(root_ / file_);
    ++count;
    ASSERT_TRUE(Eventually([&] { return restored() == count; }));
    EXPECT_EQ(root_.Read(file_), text_);
    EXPECT_EQ(ModeOf(root_ / file_), kPublishedMode);
    const auto seen = events.Take();
    // The kernel may make two of a kind one: theirs, where it was "replaced", and ours.
    const auto renamed = std::ranges::count(seen, "moved-to " + file_);
    EXPECT_GE(renamed, 1) << testing::PrintToString(seen);
    EXPECT_LE(renamed, std::string_view(name) == "replaced" ? 2 : 1)
        << testing::PrintToString(seen);
  }
  EXPECT_TRUE(IsWell()) << publisher_->status().damage;
}

TEST_P(EveryLayoutTest, WhatKeepsAFileFromBeingPutBackIsSaidUntilItIsGone) {
  root_.Write("precious", "precious");
  struct Case {
    const char* found;
    const char* advice;
    Damage damage;
  };
  const std::vector<Case> cases = {
      {"was replaced by a symbolic link", "is a symbolic link",
       [&](auto& path) { fs::create_symlink(root_ / "precious", path); }},
      {"was replaced by a directory", "is a directory",
       [](auto& path) { fs::create_directory(path); }},
      {"was replaced by what is no file", "is not a regular file",
       [](auto& path) { mkfifo(path.c_str(), 0644); }},
  };
  for (const auto& [found, advice, damage] : cases) {
    SCOPED_TRACE(found);
    fs::remove(root_ / file_);
    damage(root_ / file_);
    ASSERT_TRUE(SaysOfDamage(file_ + " was")) << publisher_->status().damage;
    ASSERT_TRUE(Failed());
    EXPECT_THAT(publisher_->status().failure, HasSubstr(root_ / file_ + " " + advice));
    fs::remove(root_ / file_);
    ASSERT_TRUE(IsWell()) << publisher_->status().damage;
  }
  EXPECT_EQ(root_.Read("precious"), "precious");
}

// The kernel tells of a change only by the name that it was made by.
TEST_P(EveryLayoutTest, WhatNothingTellsOfIsFoundByLooking) {
  const TempDirectory elsewhere;
  fs::create_hard_link(root_ / file_, elsewhere / "link");
  WriteInPlace(elsewhere / "link", "{");
  ASSERT_TRUE(Eventually([&] { return restored() == 1; }));
  EXPECT_TRUE(IsWell());
  EXPECT_EQ(elsewhere.Read("link").front(), '{');
}

TEST_P(EveryLayoutTest, WhatDoesNoHarmIsLeft) {
  EventCounter events(root_.path());
  const std::string path = root_ / file_;
  fs::last_write_time(path, fs::file_time_type::clock::now());
  ASSERT_EQ(chmod(path.c_str(), 0664), 0);
  ASSERT_EQ(chown(path.c_str(), geteuid(), getegid()), 0);
  WriteInPlace(path, text_);
  fs::create_hard_link(path, root_ / "hard");
  root_.Write("other.json", "[]");
  // What is noticed next was done next.
  fs::copy_file(path, root_ / "copy");
  fs::rename(root_ / "copy", path);
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(Eventually([&] { return restored() == 1; }));
  ASSERT_TRUE(IsWell());
  EXPECT_EQ(std::ranges::count(events.Take(), "moved-to " + file_), 2);
}

TEST_P(EveryLayoutTest, WhatOthersWroteIsKeptAndWhatWeWroteIsNot) {
  ASSERT_EQ(chmod((root_ / file_).c_str(), 0), 0);
  ASSERT_TRUE(Eventually([&] { return restored() == 1; }));
  EXPECT_THAT(Aside(), IsEmpty());
  root_.Write(file_, "theirs");
  ASSERT_TRUE(Eventually([&] { return restored() == 2; }));
  EXPECT_THAT(Aside(), ElementsAre("theirs"));
  EXPECT_TRUE(IsWell());
}

TEST_P(EveryLayoutTest, WhatCannotBeKeptStaysAndThatIsSaid) {
  FillAside(kMaxAsideFiles);
  root_.Write(file_, "theirs");
  ASSERT_TRUE(Failed());
  EXPECT_THAT(publisher_->status().failure, HasSubstr(".target-eye/aside is full"));
  EXPECT_TRUE(SaysOfDamage(file_ + " was cut"));
  EXPECT_EQ(root_.Read(file_), "theirs");
  // It keeps no other file from being published.
  Change({"c", "x"}, {"h:3"}).wait();
  EXPECT_TRUE(GetParam() == FileSdLayout::kFile ||
              Eventually([&] { return root_.Has("c@x.json"); }));
  EXPECT_EQ(root_.Read(file_), "theirs");
  EmptyAside();
  ASSERT_TRUE(Published());
  EXPECT_THAT(root_.Read(file_), HasSubstr("h:1"));
  EXPECT_THAT(Aside(), ElementsAre("theirs"));
}

// Each time with something else, and never half of it.
TEST_P(EveryLayoutTest, WhoNeverTiresFillsTheFolderAndNoMore) {
  FillAside(kMaxAsideFiles - 2);
  std::atomic<bool> done = false;
  std::thread other([&] {
    for (int i = 0; !done; ++i) {
      root_.Write("theirs", std::to_string(i));
      fs::rename(root_ / "theirs", root_ / file_);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  ASSERT_TRUE(Eventually(
      [&] { return publisher_->status().failure.find("aside is full") != std::string::npos; }));
  // It stays said, however often it is tried.
  const int before = restored();
  bool is_said = true;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end) {
    const auto status = publisher_->status();
    is_said = is_said && !status.failure.empty() && !status.damage.empty();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(is_said);
  EXPECT_EQ(restored(), before);
  EXPECT_EQ(Aside().size(), kMaxAsideFiles);
  done = true;
  other.join();
  EmptyAside();
  EXPECT_TRUE(IsWell());
}

TEST_P(EveryLayoutTest, NothingIsPutBackWhilePublicationIsHeld) {
  root_.Write("held.json", "half");
  ASSERT_TRUE(
      WriteHold(root_.path(), {.files = {{"held.json", "", "it is cut short", ""}}, .taken = {}}));
  root_.Write(file_, "theirs");
  ASSERT_TRUE(SaysOfDamage(file_ + " was cut"));
  ASSERT_TRUE(Failed());
  EXPECT_THAT(publisher_->status().failure, HasSubstr("publication is held"));
  // Nor is anything removed.
  Remove(kA);
  Remove(kB);
  EXPECT_EQ(root_.Read(file_), "theirs");
  EXPECT_EQ(restored(), 0);
  EXPECT_THAT(Aside(), IsEmpty());
  fs::remove(root_ / "held.json");
  EXPECT_TRUE(Published());
  EXPECT_NE(root_.Read(file_), "theirs");
  EXPECT_THAT(Aside(), ElementsAre("theirs"));
}

TEST_P(EveryLayoutTest, OurOwnPublicationsAreNobodysDamage) {
  EventCounter events(root_.path());
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(WaitFor(Change(kA, {"h:" + std::to_string(i)})));
    // The first is what is there. The kernel makes two of a kind one, unless they are taken.
    EXPECT_EQ(std::ranges::count(events.Take(), "moved-to " + file_), i == 1 ? 0 : 1);
  }
  text_ = root_.Read(file_);
  // A look at all of that has been taken once this is noticed.
  fs::remove(root_ / file_);
  ASSERT_TRUE(Eventually([&] { return restored() == 1; }));
  ASSERT_TRUE(IsWell());
  EXPECT_EQ(std::ranges::count(events.Take(), "moved-to " + file_), 1);
}

TEST_P(EveryLayoutTest, ADirectoryThatIsGoneIsNoticedAndFilledWhenItIsThereAgain) {
  fs::remove_all(root_.path());
  ASSERT_TRUE(SaysOfDamage("the directory " + root_.path() + " was removed"));
  ASSERT_TRUE(Failed());
  fs::create_directory(root_.path());
  ASSERT_TRUE(IsWell());
  EXPECT_GE(restored(), 1);
  // The new one is watched as the old one was.
  fs::remove(root_ / file_);
  EXPECT_TRUE(IsWell());
}

TEST_P(EveryLayoutTest, AnotherDirectoryInItsPlaceIsFilled) {
  const TempDirectory parent;
  const std::string path = parent / "sd";
  OpenWith({.directory = path, .layout = GetParam()}, leaping_);
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::rename(path, parent / "away");
  fs::create_directory(path);
  ASSERT_TRUE(Eventually([&] { return fs::exists(path + "/" + file_); }));
  EXPECT_EQ(parent.Read("sd/" + file_), parent.Read("away/" + file_));
  EXPECT_TRUE(Eventually([&] { return publisher_->status().damage.empty(); }));
}

TEST_P(EveryLayoutTest, AHiddenFolderThatIsGoneIsMadeAgainWithoutAnyChange) {
  fs::remove_all(root_ / ".target-eye");
  ASSERT_TRUE(Eventually([&] { return root_.Has(".target-eye/published"); }));
  EXPECT_TRUE(IsWell());
  EXPECT_EQ(restored(), 0);
}

TEST_P(EveryLayoutTest, ADirectoryThatIsClosedToAllButItsOwnerIsSaid) {
  ASSERT_EQ(chmod(root_.path().c_str(), 0700), 0);
  ASSERT_TRUE(SaysOfDamage("chmod o+rx " + root_.path())) << publisher_->status().damage;
  EXPECT_EQ(ModeOf(root_.path()), 0700U);
  ASSERT_EQ(chmod(root_.path().c_str(), 0755), 0);
  EXPECT_TRUE(IsWell());
  // A group may be Prometheus's.
  ASSERT_EQ(chmod(root_.path().c_str(), 0750), 0);
  fs::remove(root_ / file_);
  EXPECT_TRUE(IsWell());
}

// However fast they are, what Prometheus is to read is limited, and it is said that it is not as it
// should be.
TEST_P(EveryLayoutTest, WhoChangesItAgainAndAgainIsHeldOffAndSaid) {
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      std::ofstream(root_ / file_, std::ios::trunc) << "[]";
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  EXPECT_TRUE(SaysOfDamage("it is changed again and again; the last time, " + file_));
  const int before = restored();
  // No moment without a word, however often it is put back.
  bool is_said = true;
  EXPECT_TRUE(Eventually([&] {
    is_said = is_said && !publisher_->status().damage.empty();
    return restored() >= before + 2;
  }));
  EXPECT_TRUE(is_said);
  done = true;
  other.join();
  EXPECT_TRUE(IsWell());
}

INSTANTIATE_TEST_SUITE_P(Layouts, EveryLayoutTest,
                         testing::Values(FileSdLayout::kFile, FileSdLayout::kGroup),
                         [](const auto& layout) {
                           return layout.param == FileSdLayout::kFile ? "File" : "Group";
                         });

TEST_F(PublisherGuardTest, WithoutATokenAFileWaitsForItsTurnAndThatIsSaid) {
  FakeClock still;
  OpenWith(FileSdLayout::kFile, still);
  Snapshot({});
  for (int i = 1; i <= 4; ++i) Change(kA, {"h:" + std::to_string(i)}).wait();
  file_ = "targets.json";
  text_ = root_.Read(file_);
  root_.Write(file_, "[]");
  ASSERT_TRUE(SaysOfDamage("targets.json was"));
  EXPECT_EQ(root_.Read(file_), "[]");
  EXPECT_EQ(restored(), 0);
  still.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(IsWell());
  EXPECT_EQ(restored(), 1);
}

TEST_F(PublisherGuardTest, ManyFilesAreAllPutBack) {
  Open(FileSdLayout::kGroup);
  std::vector<StoredGroupPtr> groups;
  constexpr int kGroups = 5000;  // More than are looked at in turn at once.
  for (int i = 0; i < kGroups; ++i) groups.push_back(MakeStored({"a", std::to_string(i)}, {"h:1"}));
  Snapshot(groups);
  file_ = "a@7.json";
  text_ = root_.Read(file_);
  for (const std::string& name : FilesOf(root_)) fs::remove(root_ / name);
  ASSERT_TRUE(Eventually([&] { return FilesOf(root_).size() == kGroups; }));
  EXPECT_TRUE(IsWell());
  EXPECT_EQ(restored(), kGroups);
}

TEST_F(PublisherGuardTest, AGroupThatGoesWhileItsFileIsGoneLeavesNothingToSay) {
  Begin(FileSdLayout::kGroup);
  fs::remove(root_ / file_);
  fs::create_directory(root_ / file_);
  ASSERT_TRUE(Failed());
  Remove(kA);
  EXPECT_TRUE(Published());
  EXPECT_TRUE(Eventually([&] { return publisher_->status().damage.empty(); }));
}

TEST_F(PublisherGuardTest, OneFileInTheWayKeepsNoOtherFromBeingPutBack) {
  Begin(FileSdLayout::kGroup);
  fs::remove(root_ / file_);
  fs::create_directory(root_ / file_);
  fs::remove(root_ / "b@x.json");
  ASSERT_TRUE(Eventually([&] { return root_.Has("b@x.json"); }));
  Change({"c", "x"}, {"h:3"}).wait();
  EXPECT_TRUE(Eventually([&] { return root_.Has("c@x.json"); }));
  EXPECT_TRUE(fs::is_directory(root_ / file_));
}

TEST_F(PublisherGuardTest, WhatIsFoundIsLoggedOnce) {
  testing::internal::CaptureStderr();
  Begin(FileSdLayout::kFile);
  fs::remove(root_ / file_);
  ASSERT_TRUE(Eventually([&] { return restored() == 1; }));
  ASSERT_TRUE(IsWell());
  publisher_->Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::ContainsRegex("level=warning msg=\"somebody has changed what is "
                                          "published; it is put back\" found=\"targets.json was "
                                          "removed\""));
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

TEST_F(PublisherGuardTest, ADirectoryThatOthersCannotEnterIsWarnedOfWithTheCommand) {
  ASSERT_EQ(chmod(root_.path().c_str(), 0700), 0);
  testing::internal::CaptureStderr();
  Begin(FileSdLayout::kFile);
  publisher_->Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr(root_.path() + " has the mode 0700: chmod o+rx " + root_.path()));
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
  EXPECT_EQ(ModeOf(root_.path()), 0700U);
}

TEST_F(PublisherGuardTest, AFileInTheWayIsNamedForWhatItIs) {
  fs::create_symlink("elsewhere", root_ / "targets.json");
  Open();
  publisher_->OnSnapshot({++revision_, {}});
  ASSERT_TRUE(Failed());
  EXPECT_THAT(publisher_->status().failure, HasSubstr("targets.json is a symbolic link"));
  EXPECT_THAT(publisher_->status().failure, HasSubstr("FILE_SD_DIRECTORY"));
  fs::remove(root_ / "targets.json");
  EXPECT_TRUE(Published());
}

TEST_F(PublisherGuardTest, AHiddenFolderThatIsALinkIsNamedAsOne) {
  fs::create_directory(root_ / "elsewhere");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / ".target-eye");
  auto opened = FileSdPublisher::Open({root_.path(), FileSdLayout::kFile}, metrics_, leaping_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr(".target-eye is a symbolic link"));
}

}  // namespace
}  // namespace target_eye
