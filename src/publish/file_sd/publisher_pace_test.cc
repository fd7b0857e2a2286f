#include <algorithm>

#include "publish/file_sd/testing/publisher_fixture.h"

// When a publication comes, what its answers wait for, and what happens when it fails.

namespace target_eye {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

class PublisherPaceTest : public FileSdPublisherTest {
 protected:
  // Stands still: what is published is published at once, for a token that there is.
  FakeClock still_;
};

TEST_F(PublisherPaceTest, ABurstIsAnsweredWhenVisibleTheRestAtOnce) {
  OpenWith(FileSdLayout::kFile, still_);
  Snapshot({});
  // The snapshot took one token of five.
  for (int i = 1; i <= 4; ++i) {
    const std::string target = "h:" + std::to_string(i);
    ASSERT_TRUE(WaitFor(Change(kA, {target})));
    EXPECT_THAT(root_.Read("targets.json"), HasSubstr(target));
  }
  const Answer late = Change(kA, {"h:5"});
  EXPECT_TRUE(IsSent(late));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:4"));
}

TEST_F(PublisherPaceTest, WhatWaitedGoesOutWithTheNextTokenAllInOne) {
  OpenWith(FileSdLayout::kFile, still_);
  Snapshot({});
  for (int i = 1; i <= 4; ++i) Change(kA, {"h:" + std::to_string(i)}).wait();
  Change(kA, {"h:5"});
  Change(kB, {"h:6"});
  EventCounter events(root_.path());
  still_.Advance(std::chrono::seconds(1));
  // The thread looks by itself once the second has passed.
  ASSERT_TRUE(Published());
  EXPECT_EQ(events.Take().size(), 1U);
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:5"));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:6"));
}

TEST_F(PublisherPaceTest, AChangeWithATokenTakesAlongWhatWaited) {
  OpenWith(FileSdLayout::kFile, still_);
  Snapshot({});
  for (int i = 1; i <= 4; ++i) Change(kA, {"h:" + std::to_string(i)}).wait();
  const int reads = still_.reads();
  Change(kA, {"h:5"});
  // Once for the answer, once more by the thread, which has found no token then.
  ASSERT_TRUE(Eventually([&] { return still_.reads() >= reads + 2; }));
  still_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(WaitFor(Change(kB, {"h:6"})));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:6"));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:5"));
}

TEST_F(PublisherPaceTest, WhatShowsNothingNewCostsNoToken) {
  OpenWith(FileSdLayout::kFile, still_);
  Snapshot({MakeStored(kA, {"h:1"})});
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(WaitFor(Change(kA, {"h:1"})));
  ASSERT_TRUE(Published());
  ASSERT_TRUE(WaitFor(Change(kA, {"h:2"})));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:2"));
}

TEST_F(PublisherPaceTest, ALargePublicationIsFollowedByALongerPause) {
  OpenWith(FileSdLayout::kFile, still_);
  const std::string host(250, 'h');
  std::vector<std::string> targets(100'000, host);  // Some 25 MiB: worth three tokens and a bit.
  Snapshot({MakeStored(kA, targets)});
  ASSERT_TRUE(WaitFor(Change(kB, {"h:1"})));
  ASSERT_TRUE(Published());
  // Five, less one for the snapshot whatever its size, less three and a bit.
  const Answer late = Change(kB, {"h:2"});
  EXPECT_TRUE(IsSent(late));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:1"));
}

TEST_F(PublisherPaceTest, SnapshotsWaitForNoToken) {
  OpenWith(FileSdLayout::kFile, still_);
  for (int i = 1; i <= 8; ++i) Snapshot({MakeStored(kA, {"h:" + std::to_string(i)})});
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:8"));
}

TEST_F(PublisherPaceTest, StopPublishesWhatWaitedAndLetsAllHoldsGo) {
  OpenWith(FileSdLayout::kFile, still_);
  Snapshot({});
  std::vector<Answer> answers;
  for (int i = 1; i <= 20; ++i) answers.push_back(Change(kA, {"h:" + std::to_string(i)}));
  publisher_->Stop();
  for (const Answer& answer : answers) EXPECT_TRUE(IsSent(answer));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:20"));
  EXPECT_EQ(publisher_->status().published, revision_);
}

TEST_F(PublisherPaceTest, AFloodIsPublishedOnceItIsOver) {
  OpenWith(FileSdLayout::kFile, still_);
  Snapshot({});
  for (int i = 0; i < 200; ++i) {
    Change({"a" + std::to_string(i), "x"}, {"h:" + std::to_string(i + 1)});
  }
  still_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(Published());
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:200"));
}

TEST_F(PublisherPaceTest, ConcurrentChangesAreAllAnsweredAndAllVisible) {
  Open();
  Snapshot({});
  std::vector<Answer> answers;
  for (int i = 0; i < 500; ++i) {
    answers.push_back(Change({"a" + std::to_string(i), "x"}, {"h:" + std::to_string(i + 1)}));
  }
  for (const Answer& answer : answers) ASSERT_TRUE(WaitFor(answer));
  ASSERT_TRUE(Published());
  const auto groups = DecodeFileSd(root_.Read("targets.json"));
  ASSERT_TRUE(groups);
  EXPECT_EQ(groups->size(), 500U);
}

TEST_F(PublisherPaceTest, AFailureLetsTheHoldsGoKeepsTheOldFileAndHealsByItself) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  const std::string before = root_.Read("targets.json");
  {
    const FileSizeLimit limit(before.size() + 10);
    ASSERT_TRUE(WaitFor(Change(kB, {"h:2"})));
    EXPECT_THAT(publisher_->status().failure, HasSubstr("targets.json: File too large"));
    EXPECT_EQ(publisher_->status().published, revision_ - 1);
    EXPECT_EQ(root_.Read("targets.json"), before);
    EXPECT_TRUE(fs::is_empty(root_ / ".target-eye/staging"));
    // While it fails, an answer waits for nothing.
    EXPECT_TRUE(IsSent(Change(kB, {"h:3"})));
    EXPECT_THAT(metrics_.Render(),
                testing::ContainsRegex(
                    "target_eye_publication_failures_total\\{publisher=\"file_sd\"\\} [1-9]"));
  }
  ASSERT_TRUE(Published());
  EXPECT_EQ(publisher_->status().failure, "");
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:1"));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:3"));
}

TEST_F(PublisherPaceTest, AFailureIsLoggedOnceAndItsEndToo) {
  testing::internal::CaptureStderr();
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  {
    // The log is captured in a file, too.
    const FileSizeLimit limit(4096);
    Change(kA, {std::string(5000, 'h')}).wait();
    const auto failures_at_least = [&](int count) {
      const std::string text = metrics_.Render();
      const std::string_view name = "target_eye_publication_failures_total{publisher=\"file_sd\"} ";
      const std::size_t at = text.find(name, 0);
      return at != std::string::npos && std::stoi(text.substr(at + name.size())) >= count;
    };
    ASSERT_TRUE(Eventually([&] { return failures_at_least(3); }));
  }
  ASSERT_TRUE(Published());
  publisher_->Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::ContainsRegex("level=error msg=\"publication failed[^\n]*\n"
                                          "[^\n]*level=info msg=\"publication works again"));
  EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 2) << log;
}

TEST_F(PublisherPaceTest, StopInTheMiddleOfAFailureEnds) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  const FileSizeLimit limit(10);
  ASSERT_TRUE(WaitFor(Change(kB, {"h:2"})));
  publisher_->Stop();
  EXPECT_NE(publisher_->status().failure, "");
}

TEST_F(PublisherPaceTest, ADirectoryThatWasRemovedIsAFailureUntilItIsMadeAgain) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::remove_all(root_.path());
  ASSERT_TRUE(WaitFor(Change(kB, {"h:2"})));
  EXPECT_THAT(publisher_->status().failure, HasSubstr("No such file"));
  EXPECT_FALSE(fs::exists(root_.path()));
  fs::create_directory(root_.path());
  ASSERT_TRUE(Published());
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:1"));
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:2"));
}

TEST_F(PublisherPaceTest, EveryGroupsFileIsThereAgainInADirectoryMadeAgain) {
  Open(FileSdLayout::kGroup);
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  fs::remove_all(root_.path());
  fs::create_directory(root_.path());
  ASSERT_TRUE(WaitFor(Change({"c", "x"}, {"h:3"})));
  // A look between the two may have found no directory; then the answer does not wait.
  ASSERT_TRUE(Published());
  EXPECT_THAT(FilesOf(root_), testing::ElementsAre("a@x.json", "b@x.json", "c@x.json"));
}

TEST_F(PublisherPaceTest, AHiddenFolderThatWasRemovedIsMadeAgainAndOwnsWhatItOwned) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::remove_all(root_ / ".target-eye");
  ASSERT_TRUE(WaitFor(Change(kA, {"h:2"})));
  EXPECT_EQ(publisher_->status().failure, "");
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:2"));
  Open();
  Snapshot({});
  EXPECT_EQ(root_.Read("targets.json"), "[]\n");
}

TEST_F(PublisherPaceTest, AHiddenFolderThatCannotBeMadeDoesNotMakeItForgetItsFiles) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  fs::remove_all(root_ / ".target-eye");
  root_.Write(".target-eye", "a file");
  ASSERT_TRUE(WaitFor(Change(kA, {"h:2"})));
  EXPECT_THAT(publisher_->status().failure, HasSubstr(".target-eye"));
  fs::remove(root_ / ".target-eye");
  ASSERT_TRUE(Published());
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:2"));
}

}  // namespace
}  // namespace target_eye
