#include "registry/target_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "store/testing/fault_store.h"
#include "store/testing/memory_store.h"
#include "store/testing/recording_sink.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Target> Targets(const std::vector<std::string>& texts) {
  std::vector<Target> targets;
  for (const std::string& text : texts) {
    targets.push_back(*Target::Parse(text));
  }
  return targets;
}

ChangeRequest Request(Method method, const std::string& application,
                      const std::vector<std::string>& targets) {
  ChangeRequest request{method, {application, "e"}, std::nullopt};
  if (!targets.empty()) {
    request.data = GroupData{Targets(targets), std::nullopt};
  }
  return request;
}

// Records what it hears, checks the order, and keeps holds while told to.
class Recorder : public ChangeListener {
 public:
  void OnSnapshot(const Snapshot& snapshot) override {
    const std::scoped_lock lock(mutex_);
    ++snapshots_;
    revision_ = snapshot.revision;
    groups_.clear();
    for (const auto& group : snapshot.groups) {
      groups_[group->key] = group->text.json();
    }
  }
  void OnChanges(Revision revision, std::span<const Change> changes, AnswerHold hold) override {
    const std::scoped_lock lock(mutex_);
    EXPECT_GT(revision, revision_);
    revision_ = revision;
    for (const Change& change : changes) {
      if (change.after) {
        groups_[change.key] = change.after->text.json();
      } else {
        groups_.erase(change.key);
      }
    }
    if (!hold) {
      ++without_hold_;
    } else if (keep_holds_) {
      holds_.push_back(std::move(hold));
    }
  }
  void KeepHolds() { keep_holds_ = true; }
  std::size_t ReleaseHolds() {
    std::vector<AnswerHold> holds;
    {
      const std::scoped_lock lock(mutex_);
      holds.swap(holds_);
    }
    return holds.size();
  }
  std::map<GroupKey, std::string> groups() {
    const std::scoped_lock lock(mutex_);
    return groups_;
  }
  int snapshots() {
    const std::scoped_lock lock(mutex_);
    return snapshots_;
  }
  // Changes that no answer waited for.
  int without_hold() {
    const std::scoped_lock lock(mutex_);
    return without_hold_;
  }

 private:
  std::mutex mutex_;
  std::map<GroupKey, std::string> groups_;
  std::vector<AnswerHold> holds_;
  Revision revision_ = -1;
  int snapshots_ = 0;
  int without_hold_ = 0;
  std::atomic<bool> keep_holds_ = false;
};

class TargetRegistryTest : public testing::Test {
 protected:
  explicit TargetRegistryTest(Store::Limits limits = {}) : memory_(backend_, limits) {}

  void Start(TargetRegistry::Options options = {}) {
    registry_ = std::make_unique<TargetRegistry>(store_, metrics_, SystemClock(), options);
    registry_->AddListener(recorder_);
    ASSERT_TRUE(registry_->Open().has_value());
    registry_->Start();
  }
  void TearDown() override {
    recorder_.ReleaseHolds();
    if (registry_) {
      registry_->Stop();
    }
  }

  std::future<Expected<StoredGroupPtr>> Send(ChangeRequest request) {
    auto promise = std::make_shared<std::promise<Expected<StoredGroupPtr>>>();
    auto future = promise->get_future();
    registry_->Submit(std::move(request), "127.0.0.1:1",
                      [promise](Expected<StoredGroupPtr> answer) { promise->set_value(answer); });
    return future;
  }
  Expected<StoredGroupPtr> Do(ChangeRequest request) { return Send(std::move(request)).get(); }

  static std::vector<std::string> TextsOf(const StoredGroupPtr& group) {
    std::vector<std::string> texts;
    const TargetGroup decoded = group->text.Decode();
    for (const Target& target : decoded.targets) texts.push_back(target.text());
    return texts;
  }

  static std::vector<std::string> TextsOf(const Expected<StoredGroupPtr>& answer) {
    if (answer) return TextsOf(*answer);
    ADD_FAILURE() << answer.error().message;
    return {};
  }

  // One request is held up in the store, so that what is sent in `send` is there when it is done.
  void Together(const std::function<void()>& send) {
    std::promise<void> go;
    const int commits = store_.commits();
    store_.BeforeCommit([&go] { go.get_future().wait(); });
    auto first = Send(Request(Method::kPut, "first", {"h:" + std::to_string(commits + 1)}));
    while (store_.commits() == commits) std::this_thread::yield();
    send();
    go.set_value();
    EXPECT_TRUE(first.get().has_value());
  }

  // Sends `count` requests that wait together, and returns in how many commits they were kept.
  int CommitsOf(int count, const std::function<ChangeRequest(int)>& request) {
    std::vector<std::future<Expected<StoredGroupPtr>>> answers;
    const int before = store_.commits();
    Together([&] {
      for (int i = 0; i < count; ++i) answers.push_back(Send(request(i)));
    });
    for (auto& answer : answers) {
      const auto group = answer.get();
      EXPECT_TRUE(group.has_value()) << group.error().message;
    }
    return store_.commits() - before - 1;
  }

  // What another machine writes to the same data, on what is there.
  void WriteElsewhere(const std::string& application, const std::optional<TargetGroup>& group) {
    RecordingSink sink;
    MemoryStore elsewhere(backend_);
    ASSERT_TRUE(elsewhere.Open(sink).has_value());
    std::vector<GroupWrite> writes;
    writes.push_back({.key = {application, "e"},
                      .group = group ? std::optional(GroupText(*group)) : std::nullopt,
                      .before = sink.Find(application),
                      .origin = {.who = "elsewhere"}});
    elsewhere.Commit(std::move(writes), SteadyTime::max(), nullptr,
                     [](Revision, const auto& written) { ASSERT_FALSE(written.at(0).error); });
  }
  static TargetGroup GroupOf(const std::string& application,
                             const std::vector<std::string>& targets) {
    return {Targets(targets), {{"env", "e"}, {"job", application}}};
  }
  // Waits until the data that all share are at `revision`.
  void AwaitBackend(Revision revision) const {
    while (backend_->revision() < revision) std::this_thread::yield();
  }

  const std::shared_ptr<MemoryBackend> backend_ = std::make_shared<MemoryBackend>();
  MemoryStore memory_;
  FaultStore store_{memory_};
  Metrics metrics_;
  Recorder recorder_;
  std::unique_ptr<TargetRegistry> registry_;
};

TEST_F(TargetRegistryTest, AHoldThatIsKeptForTooLongHoldsUpNoAnswer) {
  Start({.answer_patience = std::chrono::milliseconds(50)});
  recorder_.KeepHolds();
  for (const char* application : {"a", "b", "c"}) {
    auto answer = Send(Request(Method::kPut, application, {"h:1"}));
    ASSERT_EQ(answer.wait_for(std::chrono::seconds(60)), std::future_status::ready);
    EXPECT_THAT(TextsOf(answer.get()), ElementsAre("h:1"));
  }
  // Each is answered once.
  EXPECT_EQ(recorder_.ReleaseHolds(), 3U);
}

TEST_F(TargetRegistryTest, RequestsThatWaitAreBoundedInBytes) {
  Start({.queue_bytes = 48 << 10});
  const std::vector<std::string> many(1000, "h");  // Some 32 KB in memory, and 2 KB in a body.
  std::vector<std::future<Expected<StoredGroupPtr>>> answers;
  Together([&] {
    for (int i = 0; i < 4; ++i) answers.push_back(Send(Request(Method::kPut, "a", many)));
    EXPECT_TRUE(Send(Request(Method::kPut, "b", {"h:1"})).valid());
  });
  std::vector<bool> taken;
  for (auto& answer : answers) {
    const auto group = answer.get();
    taken.push_back(group.has_value());
    if (!group) {
      EXPECT_EQ(group.error().code, ErrorCode::kOverloaded);
    }
  }
  EXPECT_THAT(taken, ElementsAre(true, false, false, false));
  // What was answered no longer counts; and one is taken however large it is.
  const std::vector<std::string> more(10'000, "h");
  EXPECT_TRUE(Do(Request(Method::kPut, "a", many)).has_value());
  EXPECT_TRUE(Do(Request(Method::kPut, "c", more)).has_value());
}

TEST_F(TargetRegistryTest, AChangeIsAnsweredWithTheGroupAndIsThereForReaders) {
  Start();
  const auto answer = Do(Request(Method::kPut, "a", {"h:1"}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ((*answer)->text.json(), R"({"targets":["h:1"],"labels":{"env":"e","job":"a"}})");
  EXPECT_EQ(registry_->Find({"a", "e"}), *answer);
  EXPECT_EQ((*answer)->origin.who, "127.0.0.1:1");
  EXPECT_GT((*answer)->origin.when_ms, 1'700'000'000'000);
}

TEST_F(TargetRegistryTest, AnAnswerWaitsWhileAListenerHoldsIt) {
  Start();
  recorder_.KeepHolds();
  auto future = Send(Request(Method::kPut, "a", {"h:1"}));
  while (registry_->Find({"a", "e"}) == nullptr) {
    std::this_thread::yield();
  }
  EXPECT_EQ(future.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  EXPECT_EQ(recorder_.ReleaseHolds(), 1);
  EXPECT_TRUE(future.get().has_value());
}

TEST_F(TargetRegistryTest, ARefusedRequestChangesNothing) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  const auto counts = registry_->counts();
  const auto answer = Do(Request(Method::kPost, "a", {"h:2", "h:1"}));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(registry_->counts().revision, counts.revision);
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1"));
}

TEST_F(TargetRegistryTest, RegisteringTheSameAgainCommitsNothing) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  const int commits = store_.commits();
  const auto again = Do(Request(Method::kPut, "a", {"h:1"}));
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, registry_->Find({"a", "e"}));
  EXPECT_EQ(store_.commits(), commits);
}

// While a commit is held up in the store, requests gather and are then one batch.
TEST_F(TargetRegistryTest, RequestsThatWaitShareOneCommitAndEachGetsItsOwnAnswer) {
  Start();
  std::promise<void> go;
  store_.BeforeCommit([&go] { go.get_future().wait(); });
  auto first = Send(Request(Method::kPut, "other", {"h:1"}));
  while (store_.commits() == 0) {
    std::this_thread::yield();
  }
  auto put = Send(Request(Method::kPut, "a", {"h:1"}));
  auto post = Send(Request(Method::kPost, "a", {"h:2"}));
  auto again = Send(Request(Method::kPost, "a", {"h:2"}));
  auto removed = Send(Request(Method::kDelete, "a", {}));
  auto gone = Send(Request(Method::kDelete, "a", {}));
  auto back = Send(Request(Method::kPut, "a", {"h:3"}));
  auto same = Send(Request(Method::kPut, "a", {"h:3"}));
  go.set_value();

  EXPECT_THAT(TextsOf(put.get()), ElementsAre("h:1"));
  EXPECT_THAT(TextsOf(post.get()), ElementsAre("h:1", "h:2"));
  EXPECT_EQ(again.get().error().code, ErrorCode::kInvalid);
  EXPECT_THAT(TextsOf(removed.get()), ElementsAre("h:1", "h:2"));
  EXPECT_EQ(gone.get().error().code, ErrorCode::kInvalid);
  EXPECT_THAT(TextsOf(back.get()), ElementsAre("h:3"));
  EXPECT_THAT(TextsOf(same.get()), ElementsAre("h:3"));
  EXPECT_TRUE(first.get().has_value());
  EXPECT_EQ(store_.commits(), 2);
  EXPECT_EQ(recorder_.groups().size(), 2);
}

TEST_F(TargetRegistryTest, AGroupMadeAndRemovedInOneBatchIsNotWritten) {
  Start();
  std::promise<void> go;
  store_.BeforeCommit([&go] { go.get_future().wait(); });
  auto first = Send(Request(Method::kPut, "other", {"h:1"}));
  while (store_.commits() == 0) {
    std::this_thread::yield();
  }
  auto put = Send(Request(Method::kPut, "a", {"h:1"}));
  auto removed = Send(Request(Method::kDelete, "a", {}));
  go.set_value();
  EXPECT_THAT(TextsOf(put.get()), ElementsAre("h:1"));
  EXPECT_THAT(TextsOf(removed.get()), ElementsAre("h:1"));
  EXPECT_EQ(store_.commits(), 1);
  EXPECT_EQ(registry_->Find({"a", "e"}), nullptr);
}

TEST_F(TargetRegistryTest, OneGroupTooManyIsRefusedUntilOneIsRemoved) {
  TargetRegistry::Options options;
  options.group_limit = 2;
  Start(options);
  EXPECT_TRUE(Do(Request(Method::kPut, "a", {"h:1"})).has_value());
  EXPECT_TRUE(Do(Request(Method::kPut, "b", {"h:1"})).has_value());
  const auto refused = Do(Request(Method::kPut, "c", {"h:1"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("expected at most 2"));
  EXPECT_EQ(registry_->Find({"c", "e"}), nullptr);
  EXPECT_TRUE(Do(Request(Method::kPut, "a", {"h:2"})).has_value());
  EXPECT_TRUE(Do(Request(Method::kDelete, "a", {})).has_value());
  EXPECT_TRUE(Do(Request(Method::kPut, "c", {"h:1"})).has_value());
}

TEST_F(TargetRegistryTest, TheGroupLimitHoldsInsideABatch) {
  TargetRegistry::Options options;
  options.group_limit = 2;
  Start(options);
  std::promise<void> go;
  store_.BeforeCommit([&go] { go.get_future().wait(); });
  auto first = Send(Request(Method::kPut, "a", {"h:1"}));
  while (store_.commits() == 0) {
    std::this_thread::yield();
  }
  auto second = Send(Request(Method::kPut, "b", {"h:1"}));
  auto third = Send(Request(Method::kPut, "c", {"h:1"}));
  auto removed = Send(Request(Method::kDelete, "b", {}));
  auto fourth = Send(Request(Method::kPut, "d", {"h:1"}));
  go.set_value();
  EXPECT_TRUE(first.get().has_value());
  EXPECT_TRUE(second.get().has_value());
  EXPECT_FALSE(third.get().has_value());
  EXPECT_TRUE(removed.get().has_value());
  EXPECT_TRUE(fourth.get().has_value());
  EXPECT_EQ(registry_->counts().groups, 2U);
}

TEST_F(TargetRegistryTest, AGroupThatWouldBeTooLargeIsRefused) {
  TargetRegistry::Options options;
  options.group_limits.targets = 2;
  Start(options);
  EXPECT_TRUE(Do(Request(Method::kPut, "a", {"h:1", "h:2"})).has_value());
  const auto refused = Do(Request(Method::kPost, "a", {"h:3"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "targets: the group would have 3; expected at most 2");
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1", "h:2"));
}

TEST_F(TargetRegistryTest, AFailedCommitChangesNothingAndTheNextOneWorks) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  store_.FailCommits(1, ErrorCode::kUnavailable);
  const auto refused = Do(Request(Method::kPut, "a", {"h:2"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1"));
  EXPECT_TRUE(registry_->writable());
  EXPECT_TRUE(Do(Request(Method::kPut, "a", {"h:2"})).has_value());
}

TEST_F(TargetRegistryTest, AfterAnUncertainCommitWhatIsReallyKeptIsLoadedAndTold) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  store_.FailOpens(2);
  store_.FailCommits(1, ErrorCode::kUncertain, /*keeps_it=*/true);
  const auto uncertain = Do(Request(Method::kPut, "a", {"h:2"}));
  ASSERT_FALSE(uncertain.has_value());
  EXPECT_EQ(uncertain.error().code, ErrorCode::kUncertain);
  while (!registry_->writable()) {
    std::this_thread::yield();
  }
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:2"));
  EXPECT_EQ(recorder_.snapshots(), 2);
  EXPECT_TRUE(Do(Request(Method::kPost, "a", {"h:3"})).has_value());
  EXPECT_EQ(recorder_.groups().at({"a", "e"}),
            R"({"targets":["h:2","h:3"],"labels":{"env":"e","job":"a"}})");
}

TEST_F(TargetRegistryTest, AGroupIsThereForReadersWhileTheStoreIsOpenedAgain) {
  constexpr int kGroups = 1000;
  constexpr int kTimes = 30;
  Start();
  for (int i = 0; i < kGroups; ++i) {
    ASSERT_TRUE(Do(Request(Method::kPut, std::to_string(i), {"h:1"})).has_value());
  }
  std::atomic<bool> goes_on = true;
  std::atomic<int> missed = 0;
  std::atomic<int> reads = 0;
  std::thread reader([&] {
    for (; goes_on; ++reads) missed += registry_->Find({"999", "e"}) == nullptr;
  });
  for (int i = 0; i < kTimes; ++i) {
    store_.FailCommits(1, ErrorCode::kUncertain);
    EXPECT_FALSE(Do(Request(Method::kPut, "1", {"h:2"})).has_value());
    const int before = reads;
    while (!registry_->writable() || reads == before) {
      std::this_thread::yield();
    }
  }
  goes_on = false;
  reader.join();
  EXPECT_EQ(missed, 0);
  EXPECT_EQ(registry_->counts().groups, kGroups);
  EXPECT_EQ(registry_->counts().targets, kGroups);
}

TEST_F(TargetRegistryTest, WhatALookFindsIsToldAndGoneWithoutAWrite) {
  Start();
  const auto wait_for = [this](const std::string& failure) {
    while (registry_->failure() != failure) std::this_thread::yield();
  };
  store_.FailChecks(ErrorCode::kUnavailable);
  wait_for("injected");
  EXPECT_TRUE(registry_->writable());
  store_.FailChecks(std::nullopt);
  wait_for("");
}

TEST_F(TargetRegistryTest, AStoreThatALookFindsLostIsOpenedAgainAndChangesAreRefusedUntilThen) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  store_.FailOpens(std::numeric_limits<int>::max());
  store_.FailChecks(ErrorCode::kDamaged);
  while (registry_->writable()) std::this_thread::yield();
  const auto refused = Do(Request(Method::kPut, "a", {"h:2"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("/-/ready says why"));
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1"));
  store_.FailChecks(std::nullopt);
  store_.FailOpens(0);
  while (!registry_->failure().empty()) std::this_thread::yield();
  EXPECT_TRUE(Do(Request(Method::kPut, "a", {"h:2"})).has_value());
}

TEST_F(TargetRegistryTest, ACommitToAStoreThatIsLostChangesNothing) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  store_.FailCommits(1, ErrorCode::kDamaged);
  const auto refused = Do(Request(Method::kPut, "a", {"h:2"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  while (!registry_->writable()) std::this_thread::yield();
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1"));
}

TEST_F(TargetRegistryTest, AStoreThatStaysAwayIsOneErrorInTheLogHoweverOftenItIsTried) {
  Start();
  store_.FailOpens(4);
  store_.FailCommits(1, ErrorCode::kUncertain);
  testing::internal::CaptureStderr();
  EXPECT_FALSE(Do(Request(Method::kPut, "a", {"h:1"})).has_value());
  while (!registry_->writable()) {
    std::this_thread::yield();
  }
  registry_->Stop();
  const std::string log = testing::internal::GetCapturedStderr();
  const std::string_view error = "cannot be opened again";
  EXPECT_NE(log.find(error), std::string::npos) << log;
  EXPECT_EQ(log.find(error), log.rfind(error)) << log;
}

TEST_F(TargetRegistryTest, AnOvertakenRequestIsEvaluatedAgain) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  store_.BeforeCommit([this] { WriteElsewhere("a", GroupOf("a", {"h:1", "h:9"})); });
  const auto answer = Do(Request(Method::kPost, "a", {"h:2"}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(TextsOf(answer), ElementsAre("h:1", "h:9", "h:2"));
}

TEST_F(TargetRegistryTest, AnOvertakenRequestMayBeRefusedByWhatOvertookIt) {
  Start();
  store_.BeforeCommit([this] { WriteElsewhere("a", GroupOf("a", {"h:1"})); });
  const auto post = Do(Request(Method::kPost, "a", {"h:1"}));
  ASSERT_FALSE(post.has_value());
  EXPECT_EQ(post.error().code, ErrorCode::kInvalid);
  store_.BeforeCommit([this] { WriteElsewhere("a", std::nullopt); });
  const auto removed = Do(Request(Method::kDelete, "a", {}));
  ASSERT_FALSE(removed.has_value());
  EXPECT_EQ(removed.error().code, ErrorCode::kInvalid);
}

TEST_F(TargetRegistryTest, RequestsForAGroupThatWasOvertakenAreEvaluatedAgainInTheirOrder) {
  Start();
  std::vector<std::future<Expected<StoredGroupPtr>>> answers;
  Together([&] {
    answers.push_back(Send(Request(Method::kPost, "a", {"h:1"})));
    answers.push_back(Send(Request(Method::kPost, "b", {"h:1"})));
    answers.push_back(Send(Request(Method::kPost, "a", {"h:2"})));
    answers.push_back(Send(Request(Method::kPost, "a", {"h:2"})));
    answers.push_back(Send(Request(Method::kPost, "a", {"h:3"})));
    store_.BeforeCommit([this] { WriteElsewhere("a", GroupOf("a", {"h:9"})); });
  });
  EXPECT_THAT(TextsOf(answers[0].get()), ElementsAre("h:9", "h:1"));
  EXPECT_THAT(TextsOf(answers[1].get()), ElementsAre("h:1"));
  EXPECT_THAT(TextsOf(answers[2].get()), ElementsAre("h:9", "h:1", "h:2"));
  EXPECT_EQ(answers[3].get().error().code, ErrorCode::kInvalid);
  EXPECT_THAT(TextsOf(answers[4].get()), ElementsAre("h:9", "h:1", "h:2", "h:3"));
}

TEST_F(TargetRegistryTest, AGroupThatIsAlwaysOvertakenFailsNobodyElse) {
  Start();
  int written = 0;
  std::vector<std::future<Expected<StoredGroupPtr>>> others;
  std::future<Expected<StoredGroupPtr>> hot;
  Together([&] {
    for (int i = 0; i < 50; ++i) {
      others.push_back(Send(Request(Method::kPut, "b" + std::to_string(i), {"h:1"})));
    }
    hot = Send(Request(Method::kPut, "hot", {"h:1"}));
    for (int i = 0; i < 50; ++i) {
      others.push_back(Send(Request(Method::kPut, "c" + std::to_string(i), {"h:1"})));
    }
    store_.BeforeEachCommit(
        [&] { WriteElsewhere("hot", GroupOf("hot", {"h:" + std::to_string(2 + ++written)})); });
  });
  for (auto& answer : others) EXPECT_TRUE(answer.get().has_value());
  const auto refused = hot.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(written, 16);
  store_.BeforeCommit(nullptr);
  const auto answer = Do(Request(Method::kPost, "hot", {"h:1"}));
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(TextsOf(answer), ElementsAre("h:18", "h:1"));
}

// The map does not know yet what overtook the request.
TEST_F(TargetRegistryTest, AnOvertakenRequestDoesNotWaitForAFeedThatIsLate) {
  Start();
  Do(Request(Method::kPut, "a", {"h:1"}));
  memory_.HoldFeed();
  WriteElsewhere("a", GroupOf("a", {"h:1", "h:9"}));
  auto answer = Send(Request(Method::kPost, "a", {"h:2"}));
  AwaitBackend(3);
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1"));
  EXPECT_LE(store_.commits(), 3);
  memory_.ReleaseFeed();
  EXPECT_THAT(TextsOf(answer.get()), ElementsAre("h:1", "h:9", "h:2"));
  EXPECT_THAT(TextsOf(registry_->Find({"a", "e"})), ElementsAre("h:1", "h:9", "h:2"));
}

TEST_F(TargetRegistryTest, AnAnswerIsWhatWasWrittenThoughSomebodyElseHasRemovedItMeanwhile) {
  Start();
  recorder_.KeepHolds();
  memory_.HoldFeed();
  auto answer = Send(Request(Method::kPut, "a", {"h:1"}));
  AwaitBackend(1);
  WriteElsewhere("a", std::nullopt);
  memory_.ReleaseFeed();
  while (registry_->counts().revision < 2) std::this_thread::yield();
  EXPECT_EQ(registry_->Find({"a", "e"}), nullptr);
  EXPECT_EQ(recorder_.ReleaseHolds(), 1);
  EXPECT_THAT(TextsOf(answer.get()), ElementsAre("h:1"));
}

TEST_F(TargetRegistryTest, AnAnswerWaitsForItsOwnChangeAndForNoOther) {
  Start();
  recorder_.KeepHolds();
  memory_.HoldFeed();
  WriteElsewhere("before", GroupOf("before", {"h:1"}));
  auto answer = Send(Request(Method::kPut, "a", {"h:1"}));
  AwaitBackend(2);
  WriteElsewhere("after", GroupOf("after", {"h:1"}));
  memory_.ReleaseFeed();
  while (recorder_.groups().size() < 3) std::this_thread::yield();
  EXPECT_EQ(recorder_.without_hold(), 2);
  EXPECT_EQ(answer.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  EXPECT_EQ(recorder_.ReleaseHolds(), 1);
  EXPECT_TRUE(answer.get().has_value());
}

TEST_F(TargetRegistryTest, AFeedThatBreaksAndBeginsAgainIsToldAsASnapshot) {
  Start();
  Do(Request(Method::kPut, "gone", {"h:1"}));
  memory_.HoldFeed();
  WriteElsewhere("gone", std::nullopt);
  auto answer = Send(Request(Method::kPut, "a", {"h:1"}));
  AwaitBackend(3);
  memory_.BreakFeed();
  memory_.ReleaseFeed();
  EXPECT_THAT(TextsOf(answer.get()), ElementsAre("h:1"));
  EXPECT_EQ(recorder_.snapshots(), 2);
  EXPECT_EQ(recorder_.groups().size(), 1);
  EXPECT_EQ(registry_->Find({"gone", "e"}), nullptr);
  EXPECT_EQ(registry_->counts().groups, 1);
  EXPECT_TRUE(Do(Request(Method::kPost, "a", {"h:2"})).has_value());
  EXPECT_EQ(recorder_.groups().at({"a", "e"}),
            R"({"targets":["h:1","h:2"],"labels":{"env":"e","job":"a"}})");
}

TEST_F(TargetRegistryTest, AStoreThatIsLoadedLateTellsNobodyThatThereIsNothing) {
  WriteElsewhere("a", GroupOf("a", {"h:1"}));
  memory_.HoldFeed();
  Start();
  EXPECT_FALSE(registry_->writable());
  EXPECT_THAT(registry_->failure(), HasSubstr("not loaded"));
  EXPECT_EQ(Do(Request(Method::kPut, "b", {"h:1"})).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(recorder_.snapshots(), 0);
  memory_.ReleaseFeed();
  EXPECT_EQ(recorder_.snapshots(), 1);
  EXPECT_EQ(recorder_.groups().size(), 1);
  EXPECT_EQ(registry_->failure(), "");
  EXPECT_TRUE(Do(Request(Method::kPut, "b", {"h:1"})).has_value());
}

// Each service adds itself through one of two machines, all of them to the same groups.
TEST_F(TargetRegistryTest, TwoRegistriesOnOneBackendLoseNothingOfWhatTheyAcknowledge) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 150;
  Start();
  MemoryStore other_memory(backend_);
  Metrics other_metrics;
  Recorder other_recorder;
  TargetRegistry other(other_memory, other_metrics, SystemClock(), {});
  other.AddListener(other_recorder);
  ASSERT_TRUE(other.Open().has_value());
  other.Start();
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      TargetRegistry& registry = t % 2 == 0 ? *registry_ : other;
      for (int i = 0; i < kSteps;) {
        const std::string target = "t" + std::to_string(t) + ":" + std::to_string(1 + i);
        std::promise<Expected<StoredGroupPtr>> promise;
        registry.Submit(Request(Method::kAdd, "g" + std::to_string(i % 3), {target}), "",
                        [&](Expected<StoredGroupPtr> answer) { promise.set_value(answer); });
        const auto answer = promise.get_future().get();
        if (answer) {
          ASSERT_THAT(TextsOf(answer), testing::Contains(target));
          ++i;
        } else {
          // It was overtaken each time.
          ASSERT_EQ(answer.error().code, ErrorCode::kUnavailable);
          ++refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (registry_->counts().revision != other.counts().revision) std::this_thread::yield();
  EXPECT_EQ(registry_->counts().targets, kThreads * kSteps);
  EXPECT_EQ(other.counts().targets, kThreads * kSteps);
  other.Stop();
  registry_->Stop();
  EXPECT_EQ(recorder_.groups(), other_recorder.groups());
}

TEST_F(TargetRegistryTest, AFirstRevisionThatIsNotZeroIsAsGood) {
  const auto backend = std::make_shared<MemoryBackend>(5'000);
  MemoryStore store(backend);
  TargetRegistry registry(store, metrics_, SystemClock(), {});
  registry.AddListener(recorder_);
  ASSERT_TRUE(registry.Open().has_value());
  EXPECT_TRUE(registry.is_new());
  EXPECT_EQ(registry.counts().revision, 5'000);
  ASSERT_TRUE(registry
                  .Import({{.key = {"a", "e"},
                            .group = GroupText(GroupOf("a", {"h:1"})),
                            .before = nullptr,
                            .origin = {.who = "import", .cause = Cause::kImport}}})
                  .has_value());
  EXPECT_FALSE(registry.is_new());
  registry.Start();
  EXPECT_EQ(recorder_.groups().size(), 1);
}

TEST_F(TargetRegistryTest, AFullQueueRefusesAtOnce) {
  Start({.queue_limit = 2, .batch_limit = 1});
  std::promise<void> go;
  store_.BeforeCommit([&go] { go.get_future().wait(); });
  std::vector<std::future<Expected<StoredGroupPtr>>> accepted;
  accepted.push_back(Send(Request(Method::kPut, "a", {"h:1"})));
  while (store_.commits() == 0) {
    std::this_thread::yield();
  }
  accepted.push_back(Send(Request(Method::kPut, "b", {"h:1"})));
  accepted.push_back(Send(Request(Method::kPut, "c", {"h:1"})));
  EXPECT_EQ(Do(Request(Method::kPut, "d", {"h:1"})).error().code, ErrorCode::kOverloaded);
  go.set_value();
  for (auto& answer : accepted) {
    EXPECT_TRUE(answer.get().has_value());
  }
  EXPECT_EQ(registry_->Find({"d", "e"}), nullptr);
}

TEST_F(TargetRegistryTest, StoppingCommitsWhatWaitsAndRefusesTheRest) {
  Start();
  std::vector<std::future<Expected<StoredGroupPtr>>> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(Send(Request(Method::kPut, "a" + std::to_string(i), {"h:1"})));
  }
  registry_->Stop();
  for (auto& answer : answers) {
    EXPECT_TRUE(answer.get().has_value());
  }
  EXPECT_EQ(Do(Request(Method::kPut, "late", {"h:1"})).error().code, ErrorCode::kUnavailable);
}

TEST_F(TargetRegistryTest, AnImportIsToldAsPartOfTheFirstSnapshot) {
  registry_ =
      std::make_unique<TargetRegistry>(store_, metrics_, SystemClock(), TargetRegistry::Options{});
  registry_->AddListener(recorder_);
  ASSERT_TRUE(registry_->Open().has_value());
  std::vector<GroupWrite> writes;
  writes.push_back({.key = {"a", "e"},
                    .group = GroupText(GroupOf("a", {"h:1"})),
                    .before = nullptr,
                    .origin = {.who = "import", .cause = Cause::kImport}});
  ASSERT_TRUE(registry_->Import(writes).has_value());
  EXPECT_EQ(recorder_.snapshots(), 0);
  registry_->Start();
  EXPECT_EQ(recorder_.groups().size(), 1);
}

TEST_F(TargetRegistryTest, AnImportIsAllOrNothing) {
  WriteElsewhere("b", GroupOf("b", {"h:1"}));
  registry_ =
      std::make_unique<TargetRegistry>(store_, metrics_, SystemClock(), TargetRegistry::Options{});
  ASSERT_TRUE(registry_->Open().has_value());
  std::vector<GroupWrite> writes;
  for (const std::string application : {"a", "b", "c"}) {
    writes.push_back({.key = {application, "e"},
                      .group = GroupText(GroupOf(application, {"h:2"})),
                      .before = nullptr,
                      .origin = {.who = "import", .cause = Cause::kImport}});
  }
  EXPECT_EQ(registry_->Import(writes).error().code, ErrorCode::kConflict);
  EXPECT_EQ(registry_->counts().groups, 1);
}

TEST_F(TargetRegistryTest, WhatOneCommitKeepsForItsAnswersIsBoundedInBytes) {
  constexpr int kRequests = 300;
  Start();
  ChangeRequest large = Request(Method::kPut, "hot", {"h:1"});
  large.data->labels.emplace();
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}) {
    (*large.data->labels)[name] = std::string(10'000, 'x');
  }
  ASSERT_TRUE(Do(large).has_value());
  // Each makes another state of 100 kB, which its answer keeps: 30 MB.
  const int commits = CommitsOf(kRequests, [](int i) {
    return Request(Method::kPost, "hot", {"h:" + std::to_string(2 + i)});
  });
  EXPECT_GE(commits, 8);
  EXPECT_LE(commits, 10) << "they still share commits";
  EXPECT_EQ(registry_->Find({"hot", "e"})->text.targets(), 1 + kRequests);
}

// On a store that refuses a commit that is more than it takes.
class LimitedStoreTest : public TargetRegistryTest {
 protected:
  LimitedStoreTest() : TargetRegistryTest({.writes = 3, .bytes = 5'000}) {}

  static ChangeRequest OfBytes(std::size_t bytes, const std::string& application) {
    ChangeRequest request = Request(Method::kPut, application, {"h:1"});
    request.data->labels = Labels{{"text", std::string(bytes, 'x')}};
    return request;
  }
};

TEST_F(LimitedStoreTest, ABatchStopsAtTheWritesThatTheStoreTakes) {
  Start();
  EXPECT_EQ(CommitsOf(10, [](int i) { return OfBytes(1, "a" + std::to_string(i)); }), 4);
  EXPECT_EQ(registry_->counts().groups, 11);
}

TEST_F(LimitedStoreTest, ABatchStopsAtTheBytesThatTheStoreTakes) {
  Start();
  EXPECT_EQ(CommitsOf(10, [](int i) { return OfBytes(2'000, "a" + std::to_string(i)); }), 5);
  EXPECT_EQ(registry_->counts().groups, 11);
}

TEST_F(LimitedStoreTest, AGroupThatTheStoreCannotTakeIsRefusedAloneAndWithWords) {
  Start();
  std::future<Expected<StoredGroupPtr>> before;
  std::future<Expected<StoredGroupPtr>> large;
  std::future<Expected<StoredGroupPtr>> after;
  Together([&] {
    before = Send(OfBytes(1, "a"));
    large = Send(OfBytes(5'000, "a"));
    after = Send(OfBytes(2, "a"));
  });
  EXPECT_TRUE(before.get().has_value());
  EXPECT_TRUE(after.get().has_value());
  const auto refused = large.get();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("the group \"a\"/\"e\" would take 50"));
  EXPECT_THAT(refused.error().message, HasSubstr("expected at most 5000"));
}

TEST_F(TargetRegistryTest, ReadersAndWritersOnManyThreadsEndAtWhatWasAcknowledged) {
  Start();
  constexpr int kThreads = 4;
  constexpr int kSteps = 300;
  std::vector<std::thread> threads;
  std::vector<std::map<std::string, std::string>> last(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < kSteps; ++i) {
        const std::string name = std::to_string(t) + "-" + std::to_string(random() % 10);
        const std::string target = "h:" + std::to_string(1 + random() % 65535);
        const auto answer = Do(Request(Method::kPut, name, {target}));
        ASSERT_TRUE(answer.has_value());
        last[static_cast<std::size_t>(t)][name] = target;
        const auto found = registry_->Find({name, "e"});
        ASSERT_NE(found, nullptr);
        ASSERT_EQ(found->text.Decode().targets.at(0).text(), target);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::size_t groups = 0;
  const auto told = recorder_.groups();
  for (const auto& names : last) {
    groups += names.size();
    for (const auto& [name, target] : names) {
      EXPECT_EQ(registry_->Find({name, "e"})->text.Decode().targets.at(0).text(), target);
      EXPECT_THAT(told.at({name, "e"}), testing::HasSubstr("\"" + target + "\""));
    }
  }
  EXPECT_EQ(registry_->counts().groups, groups);
  EXPECT_EQ(registry_->counts().targets, groups);
}

}  // namespace
}  // namespace target_eye
