#include "publish/file_sd/testing/publisher_fixture.h"

// Which groups are published, and with which labels.

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

StoredGroupPtr OfTeam(const GroupKey& key, const std::string& team) {
  return WithLabels(MakeStored(key, {"h:1"}), {{"team", team}});
}

// The file of one group.
std::string ListOf(const StoredGroupPtr& group) {
  return "[\n" + std::string(group->text.json()) + "\n]\n";
}

class PublisherSelectionTest : public FileSdPublisherTest {
 protected:
  void OpenSelected(std::string_view selector, FileSdLayout layout = FileSdLayout::kFile,
                    bool meta_labels = false) {
    OpenWith({.directory = root_.path(),
              .layout = layout,
              .selector = Selector::Parse(selector).value(),
              .meta_labels = meta_labels},
             leaping_);
  }
  double PublishedRevision() {
    constexpr std::string_view kName = "target_eye_published_revision{publisher=\"file_sd\"} ";
    const std::string text = metrics_.Render();
    return std::stod(text.substr(text.find(kName) + kName.size()));
  }
  bool HasPublished(int publications) {
    return metrics_.Render().contains("target_eye_publications_total{publisher=\"file_sd\"} " +
                                      std::to_string(publications) + "\n");
  }
};

TEST_F(PublisherSelectionTest, OnlyWhatIsSelectedIsPublished) {
  OpenSelected("application=a");
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  EXPECT_EQ(root_.Read("targets.json"), ListOf(MakeStored(kA, {"h:1"})));
  Change(kA, {"h:3"}).wait();
  EXPECT_EQ(root_.Read("targets.json"), ListOf(MakeStored(kA, {"h:3"})));
  Remove(kA).wait();
  EXPECT_EQ(root_.Read("targets.json"), "[]\n");
}

TEST_F(PublisherSelectionTest, AChangeToWhatIsNotSelectedPublishesNothing) {
  OpenSelected("application=a,label.team!=web");
  Snapshot({MakeStored(kA, {"h:1"})});
  ASSERT_TRUE(HasPublished(1));
  EventCounter events(root_.path());
  EXPECT_TRUE(IsSent(Change(kB, {"h:2"})));
  EXPECT_TRUE(IsSent(Remove(kB)));
  // What is visible is that revision's state nevertheless, and is said to be.
  EXPECT_EQ(publisher_->status().published, revision_);
  EXPECT_EQ(PublishedRevision(), static_cast<double>(revision_));
  publisher_->Stop();
  EXPECT_TRUE(HasPublished(1));
  EXPECT_THAT(events.Take(), IsEmpty());
}

TEST_F(PublisherSelectionTest, AGroupThatMatchesNoMoreGoes) {
  for (const FileSdLayout layout : {FileSdLayout::kFile, FileSdLayout::kGroup}) {
    OpenSelected("label.team=infra", layout);
    Snapshot({OfTeam(kA, "infra"), OfTeam(kB, "infra")});
    const std::string file = layout == FileSdLayout::kFile ? "targets.json" : "a@x.json";
    EXPECT_THAT(root_.Read(file), HasSubstr("\"a\""));
    Change({{kA, ++revision_, OfTeam(kA, "web")}}).wait();
    if (layout == FileSdLayout::kFile) {
      EXPECT_THAT(root_.Read(file), Not(HasSubstr("\"a\"")));
    } else {
      EXPECT_THAT(FilesOf(root_), ElementsAre("b@x.json"));
    }
    Change({{kA, ++revision_, OfTeam(kA, "infra")}}).wait();
    EXPECT_THAT(root_.Read(file), HasSubstr("\"a\""));
  }
}

TEST_F(PublisherSelectionTest, WhatIsSelectedIsPublishedBesideWhatIsNot) {
  OpenSelected("application=a");
  Snapshot({});
  ++revision_;
  Change({{kB, revision_, MakeStored(kB, {"h:2"})}, {kA, revision_, MakeStored(kA, {"h:1"})}})
      .wait();
  EXPECT_EQ(root_.Read("targets.json"), ListOf(MakeStored(kA, {"h:1"})));
}

TEST_F(PublisherSelectionTest, AFailureIsNotEndedByAChangeToWhatIsNotSelected) {
  OpenSelected("application=a");
  Snapshot({});
  const Revision before = revision_;
  {
    const FileSizeLimit limit(10);
    ASSERT_TRUE(WaitFor(Change(kA, {"h:1"})));
    ASSERT_TRUE(Failed());
    Change(kB, {"h:2"});
    EXPECT_EQ(publisher_->status().published, before);
  }
  ASSERT_TRUE(Published());
  EXPECT_THAT(root_.Read("targets.json"), HasSubstr("h:1"));
  EXPECT_EQ(PublishedRevision(), static_cast<double>(revision_));
}

TEST_F(PublisherSelectionTest, MetaLabelsAreAddedInBothLayouts) {
  constexpr std::string_view kText =
      "[\n{\"targets\":[\"h:1\"],\"labels\":{\"__meta_target_eye_application\":\"a\","
      "\"__meta_target_eye_environment\":\"x\",\"env\":\"x\",\"job\":\"a\"}}\n]\n";
  OpenSelected("", FileSdLayout::kFile, true);
  Snapshot({MakeStored(kA, {"h:1"})});
  EXPECT_EQ(root_.Read("targets.json"), kText);
  Change(kA, {"h:2"}).wait();
  Change(kB, {"h:3"}).wait();
  Remove(kB).wait();
  Change(kA, {"h:1"}).wait();
  EXPECT_EQ(root_.Read("targets.json"), kText);
  OpenSelected("", FileSdLayout::kGroup, true);
  Snapshot({MakeStored(kA, {"h:1"})});
  EXPECT_EQ(root_.Read("a@x.json"), kText);
}

}  // namespace
}  // namespace target_eye
