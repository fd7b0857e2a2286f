#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "publish/file_sd/file_sd_publisher.h"
#include "publish/file_sd/testing/published_files.h"
#include "telemetry/metrics.h"

namespace target_eye {

// A publisher on a temporary directory, fed as the registry feeds it.
class FileSdPublisherTest : public testing::Test {
 protected:
  // A directory for Prometheus has this mode; a temporary one has not.
  FileSdPublisherTest() { EXPECT_EQ(chmod(root_.path().c_str(), 0755), 0); }

  void TearDown() override { publisher_.reset(); }

  void Open(FileSdLayout layout = FileSdLayout::kFile) { OpenWith(layout, leaping_); }

  void OpenWith(FileSdLayout layout, const Clock& clock) {
    OpenWith({.directory = root_.path(), .layout = layout}, clock);
  }

  void OpenWith(FileSdOptions options, const Clock& clock) {
    publisher_.reset();
    auto opened = FileSdPublisher::Open(std::move(options), metrics_, clock);
    ASSERT_TRUE(opened) << opened.error().message;
    publisher_ = *std::move(opened);
  }

  // Publishes all groups as they are, and waits for it.
  void Snapshot(std::vector<StoredGroupPtr> groups) {
    publisher_->OnSnapshot({++revision_, std::move(groups)});
    EXPECT_TRUE(Published()) << publisher_->status().failure;
  }

  // Ready once the answers of one commit are sent.
  using Answer = std::future<void>;
  static bool IsSent(const Answer& answer) {
    return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  static bool WaitFor(const Answer& answer) {
    return answer.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
  }

  Answer Change(const GroupKey& key, const std::vector<std::string>& targets) {
    return Change({{key, ++revision_, MakeStored(key, targets, revision_)}});
  }
  Answer Remove(const GroupKey& key) { return Change({{key, ++revision_, nullptr}}); }
  Answer Change(const std::vector<target_eye::Change>& changes) {
    auto sent = std::make_shared<std::promise<void>>();
    Answer answer = sent->get_future();
    const AnswerHold hold(nullptr, [sent](void*) { sent->set_value(); });
    publisher_->OnChanges(revision_, changes, hold);
    return answer;
  }

  bool Published() {
    return Eventually([&] { return publisher_->status().published == revision_; });
  }
  bool Failed() {
    return Eventually([&] { return !publisher_->status().failure.empty(); });
  }

  TempDirectory root_;
  Metrics metrics_;
  FakeClock leaping_{std::chrono::seconds(100)};  // There are always tokens.
  Revision revision_ = 0;
  std::unique_ptr<FileSdPublisher> publisher_;
};

}  // namespace target_eye
