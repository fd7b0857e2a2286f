#include "publish/file_sd/import/import_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "publish/file_sd/file_sd_publisher.h"
#include "publish/file_sd/import/legacy_import.h"
#include "publish/file_sd/testing/published_files.h"
#include "telemetry/metrics.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kOld = "00112233445566778899aabbccddeeff.json";
const std::string kOldText = R"([{"targets": ["h:1"], "labels": {"job": "web", "env": "prod"}}])";

class ImportListTest : public testing::Test {
 protected:
  std::vector<std::string> Pending() {
    auto pending = PendingImport(root_.path());
    EXPECT_TRUE(pending) << pending.error().message;
    return *std::move(pending);
  }
  void Begin(const std::vector<std::string>& names) {
    const auto begun = BeginImport(root_.path(), names);
    EXPECT_TRUE(begun) << begun.error().message;
  }
  void Finish() {
    const auto finished = FinishImport(root_.path());
    EXPECT_TRUE(finished) << finished.error().message;
  }
  // The program's own way from a scan to the published file.
  void PublishScanned() {
    const auto scan = ScanForImport(root_.path());
    ASSERT_TRUE(scan);
    Snapshot snapshot{1, {}};
    for (const ImportedGroup& imported : scan->groups) {
      snapshot.groups.push_back(MakeStoredGroup(imported.key, GroupText(imported.group), 1, {}));
    }
    Metrics metrics;
    auto publisher =
        FileSdPublisher::Open({root_.path(), FileSdLayout::kFile}, metrics, SystemClock());
    ASSERT_TRUE(publisher) << publisher.error().message;
    (*publisher)->OnSnapshot(snapshot);
    (*publisher)->Stop();
    EXPECT_EQ((*publisher)->status().failure, "");
  }

  TempDirectory root_;
};

TEST_F(ImportListTest, NothingIsPendingAtFirst) {
  EXPECT_THAT(Pending(), IsEmpty());
  const auto missing = PendingImport(root_ / "missing");
  ASSERT_TRUE(missing);
  EXPECT_THAT(*missing, IsEmpty());
  Finish();
}

TEST_F(ImportListTest, FinishingMovesTheFilesAndEndsTheImport) {
  root_.Write(kOld, kOldText);
  root_.Write("mine.json", "[]");
  Begin({std::string(kOld)});
  EXPECT_THAT(Pending(), ElementsAre(kOld));
  EXPECT_TRUE(root_.Has(kOld));
  Finish();
  EXPECT_THAT(Pending(), IsEmpty());
  EXPECT_THAT(FilesOf(root_), ElementsAre("mine.json"));
  EXPECT_EQ(root_.Read(".target-eye/imported/" + std::string(kOld)), kOldText);
}

TEST_F(ImportListTest, AFileInImportedIsNeverOverwritten) {
  root_.Write(".target-eye/imported/" + std::string(kOld), "first");
  root_.Write(".target-eye/imported/" + std::string(kOld) + ".1", "second");
  root_.Write(kOld, kOldText);
  Begin({std::string(kOld)});
  Finish();
  EXPECT_EQ(root_.Read(".target-eye/imported/" + std::string(kOld)), "first");
  EXPECT_EQ(root_.Read(".target-eye/imported/" + std::string(kOld) + ".1"), "second");
  EXPECT_EQ(root_.Read(".target-eye/imported/" + std::string(kOld) + ".2"), kOldText);
}

TEST_F(ImportListTest, FinishingAfterACrashAmongTheMovesMovesTheRest) {
  const std::vector<std::string> names = {"a.json", "b.json"};
  root_.Write("a.json", "a");
  root_.Write("b.json", "b");
  Begin(names);
  fs::create_directory(root_ / ".target-eye/imported");
  fs::rename(root_ / "a.json", root_ / ".target-eye/imported/a.json");
  Finish();
  EXPECT_THAT(FilesOf(root_), IsEmpty());
  EXPECT_EQ(root_.Read(".target-eye/imported/a.json"), "a");
  EXPECT_EQ(root_.Read(".target-eye/imported/b.json"), "b");
  EXPECT_THAT(Pending(), IsEmpty());
}

TEST_F(ImportListTest, ACrashBeforeTheCommitLeavesAllToBeImportedAgain) {
  root_.Write(kOld, kOldText);
  Begin({std::string(kOld)});
  const auto scan = ScanForImport(root_.path());
  ASSERT_TRUE(scan);
  EXPECT_THAT(scan->file_names, ElementsAre(kOld));
  Begin(scan->file_names);
  EXPECT_THAT(Pending(), ElementsAre(kOld));
}

TEST_F(ImportListTest, TheNewFileIsThereBeforeTheOldOneGoes) {
  root_.Write(kOld, kOldText);
  Begin({std::string(kOld)});
  EventCounter events(root_.path());
  PublishScanned();
  EXPECT_THAT(FilesOf(root_), ElementsAre(kOld, "targets.json"));
  Finish();
  EXPECT_THAT(FilesOf(root_), ElementsAre("targets.json"));
  EXPECT_THAT(events.Take(), testing::Contains("moved-to targets.json").Times(1));
}

TEST_F(ImportListTest, APublishedFileIsNotPutAwayAfterALostState) {
  root_.Write("targets.json", kOldText);
  Begin({"targets.json"});
  PublishScanned();
  Finish();
  EXPECT_THAT(FilesOf(root_), ElementsAre("targets.json"));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:1"));
  EXPECT_EQ(root_.Read(".target-eye/imported/targets.json"), kOldText);
}

TEST_F(ImportListTest, LinksArePlantedInVain) {
  root_.Write("precious", "precious");
  fs::create_directory(root_ / ".target-eye");
  fs::create_symlink(root_ / "precious", root_ / ".target-eye/importing");
  EXPECT_FALSE(BeginImport(root_.path(), {"a.json"}));
  EXPECT_FALSE(PendingImport(root_.path()));
  EXPECT_EQ(root_.Read("precious"), "precious");
}

TEST_F(ImportListTest, AnImportedFolderThatIsALinkIsRefused) {
  fs::create_directory(root_ / "elsewhere");
  root_.Write("a.json", "a");
  Begin({"a.json"});
  fs::create_directory_symlink(root_ / "elsewhere", root_ / ".target-eye/imported");
  EXPECT_FALSE(FinishImport(root_.path()));
  EXPECT_EQ(root_.Read("a.json"), "a");
}

}  // namespace
}  // namespace target_eye
