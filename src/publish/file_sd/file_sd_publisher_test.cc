#include "publish/file_sd/file_sd_publisher.h"

#include <algorithm>
#include <random>

#include "publish/file_sd/import/import_list.h"
#include "publish/file_sd/testing/publisher_fixture.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

std::string Json(const GroupKey& key, const std::vector<std::string>& targets) {
  return std::string(MakeStored(key, targets)->text.json());
}

TEST_F(FileSdPublisherTest, NothingIsPublishedBeforeTheSnapshot) {
  Open();
  EXPECT_THAT(FilesOf(root_), IsEmpty());
  EXPECT_EQ(publisher_->status().published, std::nullopt);
}

TEST_F(FileSdPublisherTest, TheDirectoryIsMade) {
  auto opened = FileSdPublisher::Open({root_ / "new/sub", FileSdLayout::kFile}, metrics_, leaping_);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_TRUE(root_.Has("new/sub/.target-eye/staging"));
}

TEST_F(FileSdPublisherTest, AFileInThePlaceOfTheDirectoryIsAnErrorThatNamesIt) {
  root_.Write("file", "");
  auto opened = FileSdPublisher::Open({root_ / "file", FileSdLayout::kFile}, metrics_, leaping_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kIo);
  EXPECT_THAT(opened.error().message, HasSubstr(root_ / "file"));
}

TEST_F(FileSdPublisherTest, ADirectoryNamedByALinkIsUsed) {
  fs::create_directory(root_ / "real");
  fs::create_directory_symlink(root_ / "real", root_ / "link");
  auto opened = FileSdPublisher::Open({root_ / "link", FileSdLayout::kFile}, metrics_, leaping_);
  ASSERT_TRUE(opened) << opened.error().message;
  (*opened)->OnSnapshot({1, {}});
  (*opened)->Stop();
  EXPECT_TRUE(root_.Has("real/targets.json"));
}

TEST_F(FileSdPublisherTest, AHiddenFolderThatIsALinkIsRefused) {
  fs::create_directory(root_ / "elsewhere");
  fs::create_directory_symlink(root_ / "elsewhere", root_ / ".target-eye");
  auto opened = FileSdPublisher::Open({root_.path(), FileSdLayout::kFile}, metrics_, leaping_);
  EXPECT_FALSE(opened);
  EXPECT_TRUE(fs::is_empty(root_ / "elsewhere"));
}

TEST_F(FileSdPublisherTest, NoGroupsAreAnEmptyList) {
  Open();
  Snapshot({});
  EXPECT_EQ(root_.Read("targets.json"), "[]\n");
}

TEST_F(FileSdPublisherTest, GroupsAreInKeyOrderOneALine) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  EXPECT_EQ(root_.Read("targets.json"),
            "[\n" + Json(kA, {"h:1"}) + ",\n" + Json(kB, {"h:2"}) + "\n]\n");
  Change({"aa", "x"}, {"h:3"}).wait();
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kA, {"h:1"}) + ",\n" +
                                            Json({"aa", "x"}, {"h:3"}) + ",\n" + Json(kB, {"h:2"}) +
                                            "\n]\n");
}

TEST_F(FileSdPublisherTest, AGroupWithoutTargetsIsLeftOut) {
  Open();
  Snapshot({MakeStored(kA, {}), MakeStored(kB, {"h:2"})});
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kB, {"h:2"}) + "\n]\n");
  Change(kB, {}).wait();
  EXPECT_EQ(root_.Read("targets.json"), "[]\n");
}

TEST_F(FileSdPublisherTest, AChangeIsVisibleBeforeItsAnswer) {
  Open();
  Snapshot({});
  Change(kA, {"h:1"}).wait();
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kA, {"h:1"}) + "\n]\n");
  Change(kA, {"h:2"}).wait();
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kA, {"h:2"}) + "\n]\n");
  Remove(kA).wait();
  EXPECT_EQ(root_.Read("targets.json"), "[]\n");
  EXPECT_EQ(publisher_->status().published, revision_);
}

TEST_F(FileSdPublisherTest, AnotherSnapshotReplacesAllThatWasKnown) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  Snapshot({MakeStored(kB, {"h:2"})});
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kB, {"h:2"}) + "\n]\n");
}

TEST_F(FileSdPublisherTest, AChangeIsOneEvent) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  EventCounter events(root_.path());
  Change(kA, {"h:2"}).wait();
  EXPECT_THAT(events.Take(), ElementsAre("moved-to targets.json"));
}

TEST_F(FileSdPublisherTest, AChangeThatShowsNothingNewIsNoEvent) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  EventCounter events(root_.path());
  Change(kA, {"h:1"}).wait();
  EXPECT_THAT(events.Take(), IsEmpty());
  EXPECT_EQ(publisher_->status().published, revision_);
}

TEST_F(FileSdPublisherTest, AStartThatFindsTheFileAsItShouldBeIsNoChangeOfIt) {
  constexpr auto kDate = "target_eye_publication_last_change_timestamp_seconds";
  {
    Metrics before;
    auto opened = FileSdPublisher::Open({root_.path(), FileSdLayout::kFile}, before, leaping_);
    ASSERT_TRUE(opened);
    (*opened)->OnSnapshot({1, {MakeStored(kA, {"h:1"})}});
    ASSERT_TRUE(Eventually([&] { return (*opened)->status().published == 1; }));
    EXPECT_THAT(before.Render(), HasSubstr(kDate));
  }
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  EXPECT_THAT(metrics_.Render(), Not(HasSubstr(kDate)));
  Change(kA, {"h:2"}).wait();
  EXPECT_THAT(metrics_.Render(), HasSubstr(kDate));
}

TEST_F(FileSdPublisherTest, AGroupsFileIsOneEventAndTheOthersAreLeft) {
  Open(FileSdLayout::kGroup);
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  EXPECT_THAT(FilesOf(root_), ElementsAre("a@x.json", "b@x.json"));
  EventCounter events(root_.path());
  Change(kA, {"h:3"}).wait();
  EXPECT_THAT(events.Take(), ElementsAre("moved-to a@x.json"));
  EXPECT_EQ(root_.Read("a@x.json"), "[\n" + Json(kA, {"h:3"}) + "\n]\n");
  Remove(kB).wait();
  EXPECT_THAT(events.Take(), ElementsAre("delete b@x.json"));
  Change(kA, {}).wait();
  EXPECT_THAT(FilesOf(root_), IsEmpty());
}

TEST_F(FileSdPublisherTest, LongAndOddKeysHaveFilesOfTheirOwn) {
  Open(FileSdLayout::kGroup);
  const std::string long_part(1024, '/');
  Snapshot({MakeStored({".", "."}, {"h:1"}), MakeStored({"a", "b/c"}, {"h:3"}),
            MakeStored({"a/b", "c"}, {"h:2"}), MakeStored({long_part, long_part}, {"h:4"}),
            MakeStored({long_part, long_part + "x"}, {"h:5"})});
  EXPECT_EQ(FilesOf(root_).size(), 5U);
  Open(FileSdLayout::kFile);
  Snapshot({});
  EXPECT_THAT(FilesOf(root_), ElementsAre("targets.json"));
}

TEST_F(FileSdPublisherTest, ARestartWithTheSameGroupsTouchesNothing) {
  for (const FileSdLayout layout : {FileSdLayout::kFile, FileSdLayout::kGroup}) {
    const std::vector<StoredGroupPtr> groups = {MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})};
    Open(layout);
    Snapshot(groups);
    publisher_.reset();
    EventCounter events(root_.path());
    Open(layout);
    Snapshot(groups);
    EXPECT_THAT(events.Take(), IsEmpty());
  }
}

TEST_F(FileSdPublisherTest, TheOtherLayoutsFilesGoAfterTheNewOnesAreThere) {
  const std::vector<StoredGroupPtr> groups = {MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})};
  Open(FileSdLayout::kFile);
  Snapshot(groups);
  publisher_.reset();
  EventCounter events(root_.path());
  Open(FileSdLayout::kGroup);
  Snapshot(groups);
  EXPECT_THAT(events.Take(),
              ElementsAre("moved-to a@x.json", "moved-to b@x.json", "delete targets.json"));
  publisher_.reset();
  Open(FileSdLayout::kFile);
  Snapshot(groups);
  EXPECT_THAT(events.Take(),
              ElementsAre("moved-to targets.json", "delete a@x.json", "delete b@x.json"));
}

TEST_F(FileSdPublisherTest, AGroupRemovedWhileItWasNotRunningLosesItsFile) {
  Open(FileSdLayout::kGroup);
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  Open(FileSdLayout::kGroup);
  Snapshot({MakeStored(kB, {"h:2"})});
  EXPECT_THAT(FilesOf(root_), ElementsAre("b@x.json"));
}

TEST_F(FileSdPublisherTest, ForeignFilesAreLeftAlone) {
  root_.Write("mine.json", "[]");
  root_.Write("b@x.json", "[]");
  root_.Write("notes.txt", "notes");
  for (const FileSdLayout layout : {FileSdLayout::kGroup, FileSdLayout::kFile}) {
    Open(layout);
    Snapshot({MakeStored(kA, {"h:1"})});
    Remove(kA).wait();
  }
  EXPECT_THAT(FilesOf(root_), ElementsAre("b@x.json", "mine.json", "notes.txt", "targets.json"));
  EXPECT_EQ(root_.Read("b@x.json"), "[]");
}

TEST_F(FileSdPublisherTest, ForeignFilesAreNamedOnceInOneWarning) {
  for (char c = 'a'; c <= 'l'; ++c) root_.Write(std::string(1, c) + ".json", "[]");
  root_.Write("pending.json", "[]");
  ASSERT_TRUE(BeginImport(root_.path(), {"pending.json"}));
  testing::internal::CaptureStderr();
  Open();
  Snapshot({});
  Snapshot({MakeStored(kA, {"h:1"})});
  publisher_->Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("count=12 files=\"a.json b.json c.json d.json e.json f.json g.json "
                             "h.json i.json j.json\""));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
}

TEST_F(FileSdPublisherTest, AForeignFileOfANeededNameFailsUntilItIsMovedAway) {
  root_.Write("targets.json", "[ ]");
  Open();
  publisher_->OnSnapshot({++revision_, {MakeStored(kA, {"h:1"})}});
  ASSERT_TRUE(Failed());
  EXPECT_THAT(publisher_->status().failure, HasSubstr("\"targets.json\""));
  EXPECT_THAT(publisher_->status().failure, HasSubstr("move it away"));
  EXPECT_EQ(root_.Read("targets.json"), "[ ]");
  fs::rename(root_ / "targets.json", root_ / "theirs");
  EXPECT_TRUE(Published());
  EXPECT_EQ(publisher_->status().failure, "");
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kA, {"h:1"}) + "\n]\n");
}

// After a failure half way through opening the folder anew, our own files are still known as ours.
TEST_F(FileSdPublisherTest, AListOfFilesThatCannotBeReadForAWhileIsReadLater) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::rename(root_ / ".target-eye/published", root_ / ".target-eye/away");
  fs::create_directory(root_ / ".target-eye/published");
  fs::remove_all(root_ / ".target-eye/staging");
  Change(kA, {"h:2"}).wait();
  EXPECT_THAT(publisher_->status().failure, HasSubstr("the list of our files"));
  fs::remove(root_ / ".target-eye/published");
  fs::rename(root_ / ".target-eye/away", root_ / ".target-eye/published");
  EXPECT_TRUE(Published());
  EXPECT_EQ(publisher_->status().failure, "");
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kA, {"h:2"}) + "\n]\n");
}

TEST_F(FileSdPublisherTest, AForeignFileKeepsNoOtherGroupFromBeingSeen) {
  root_.Write("a@x.json", "[ ]");
  Open(FileSdLayout::kGroup);
  publisher_->OnSnapshot({++revision_, {MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})}});
  ASSERT_TRUE(Failed());
  EXPECT_EQ(root_.Read("a@x.json"), "[ ]");
  EXPECT_EQ(root_.Read("b@x.json"), "[\n" + Json(kB, {"h:2"}) + "\n]\n");
}

TEST_F(FileSdPublisherTest, AFileOfAPendingImportIsReplacedAndACopyKept) {
  root_.Write("targets.json", "[ ]");
  ASSERT_TRUE(BeginImport(root_.path(), {"targets.json"}));
  EventCounter events(root_.path());
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  EXPECT_THAT(events.Take(), ElementsAre("moved-to targets.json"));
  EXPECT_EQ(root_.Read("targets.json"), "[\n" + Json(kA, {"h:1"}) + "\n]\n");
  EXPECT_EQ(root_.Read(".target-eye/imported/targets.json"), "[ ]");
  ASSERT_TRUE(FinishImport(root_.path()));
  EXPECT_TRUE(root_.Has("targets.json"));
  EXPECT_THAT(*PendingImport(root_.path()), IsEmpty());
}

TEST_F(FileSdPublisherTest, ALinkPutInThePlaceOfAFileOfOursIsRefused) {
  root_.Write("precious", "precious");
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::remove(root_ / "targets.json");
  fs::create_symlink(root_ / "precious", root_ / "targets.json");
  Change(kA, {"h:2"}).wait();
  EXPECT_THAT(publisher_->status().failure, HasSubstr("targets.json"));
  EXPECT_EQ(root_.Read("precious"), "precious");
  EXPECT_TRUE(fs::is_symlink(root_ / "targets.json"));
  fs::remove(root_ / "targets.json");
  EXPECT_TRUE(Published());
}

TEST_F(FileSdPublisherTest, ALinkInThePlaceOfAFileToRemoveIsLeft) {
  root_.Write("precious", "precious");
  Open(FileSdLayout::kGroup);
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::remove(root_ / "a@x.json");
  fs::create_symlink(root_ / "precious", root_ / "a@x.json");
  Remove(kA).wait();
  EXPECT_EQ(publisher_->status().failure, "");
  EXPECT_EQ(root_.Read("precious"), "precious");
}

TEST_F(FileSdPublisherTest, LeftoversInStagingAreRemovedAndLinksThereNotFollowed) {
  root_.Write("precious", "precious");
  root_.Write(".target-eye/staging/old.json", "half");
  fs::create_symlink(root_ / "precious", root_ / ".target-eye/staging/targets.json");
  Open();
  EXPECT_TRUE(fs::is_empty(root_ / ".target-eye/staging"));
  fs::create_symlink(root_ / "precious", root_ / ".target-eye/staging/targets.json");
  Snapshot({MakeStored(kA, {"h:1"})});
  EXPECT_EQ(root_.Read("precious"), "precious");
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(root_ / "targets.json")));
}

TEST_F(FileSdPublisherTest, AReaderNeverSeesPartOfAFile) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::atomic<int> reads = 0;
  std::thread reader([&] {
    while (!done) {
      const std::string text = root_.Read("targets.json");
      if (!DecodeFileSd(text)) ++torn;
      ++reads;
    }
  });
  for (int i = 0; i < 300; ++i) {
    const std::size_t count = 1 + static_cast<std::size_t>(i * 37 % 400);
    std::vector<std::string> targets;
    for (std::size_t n = 0; n < count; ++n) targets.push_back("host-" + std::to_string(n) + ":1");
    Change({"a", "x" + std::to_string(i % 20)}, targets).wait();
  }
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_GT(reads, 0);
}

TEST_F(FileSdPublisherTest, RandomChangesEndInTheSameFilesAsASnapshotOfThem) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const FileSdLayout layout : {FileSdLayout::kFile, FileSdLayout::kGroup}) {
    std::map<GroupKey, StoredGroupPtr> model;
    Open(layout);
    Snapshot({});
    for (int i = 0; i < 200; ++i) {
      const GroupKey key{"a" + std::to_string(random() % 5), "/" + std::to_string(random() % 5)};
      std::vector<std::string> targets;
      if (random() % 4 != 0) targets.push_back("h:" + std::to_string(1 + random() % 100));
      const bool remove = random() % 4 == 0;
      const StoredGroupPtr group = remove ? nullptr : MakeStored(key, targets);
      Change({{key, ++revision_, group}});
      if (remove || targets.empty()) {
        model.erase(key);
      } else {
        model[key] = group;
      }
    }
    ASSERT_TRUE(Published());
    std::string text;
    for (const auto& [key, group] : model)
      text += (text.empty() ? "[\n" : ",\n") + std::string(group->text.json());
    if (layout == FileSdLayout::kFile) {
      EXPECT_EQ(root_.Read("targets.json"), model.empty() ? "[]\n" : text + "\n]\n");
      continue;
    }
    EXPECT_EQ(FilesOf(root_).size(), model.size());
    for (const auto& [key, group] : model) {
      EXPECT_EQ(root_.Read(FileNameOf(layout, key)),
                "[\n" + std::string(group->text.json()) + "\n]\n");
    }
  }
}

}  // namespace
}  // namespace target_eye
