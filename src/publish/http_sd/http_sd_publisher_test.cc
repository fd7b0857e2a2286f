#include "publish/http_sd/http_sd_publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "publish/file_sd/testing/published_files.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::Not;

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

class HttpSdPublisherTest : public testing::Test {
 protected:
  using View = HttpSdPublisher::View;
  using Answer = std::future<Expected<SdList>>;

  void Open(const HttpSdOptions& options = {}, const Clock& clock = SystemClock()) {
    publisher_.reset();
    publisher_.emplace(options, metrics_, clock);
  }
  void Snapshot(std::vector<StoredGroupPtr> groups) {
    publisher_->OnSnapshot({++revision_, std::move(groups)});
  }
  void Put(const GroupKey& key, const std::vector<std::string>& targets) {
    ++revision_;
    publisher_->OnChanges(revision_,
                          std::array{Change{key, revision_, MakeStored(key, targets, revision_)}},
                          nullptr);
  }
  void Remove(const GroupKey& key) {
    ++revision_;
    publisher_->OnChanges(revision_, std::array{Change{key, revision_, nullptr}}, nullptr);
  }

  Answer Ask(const View& view = {}) {
    auto answered = std::make_shared<std::promise<Expected<SdList>>>();
    publisher_->Get(view,
                    [answered](Expected<SdList> list) { answered->set_value(std::move(list)); });
    return answered->get_future();
  }
  SdList GetList(const View& view = {}) {
    auto list = Ask(view).get();
    EXPECT_TRUE(list) << list.error().message;
    return list.value_or(SdList());
  }
  std::string Get(const View& view = {}) { return *GetList(view).bytes; }
  static View Selected(std::string_view selector) {
    return {.selector = Selector::Parse(selector).value()};
  }
  static std::string ListOf(const std::vector<StoredGroupPtr>& groups) {
    return RenderSdList(GroupList(groups.begin(), groups.end()), {}, false);
  }

  int Renderings() {
    constexpr std::string_view kName = "target_eye_publications_total{publisher=\"http_sd\"} ";
    const std::string text = metrics_.Render();
    const std::size_t at = text.find(kName);
    return at == std::string::npos ? 0 : std::stoi(text.substr(at + kName.size()));
  }

  const FakeClock still_;
  Metrics metrics_;
  Revision revision_ = 0;
  std::optional<HttpSdPublisher> publisher_;
};

TEST_F(HttpSdPublisherTest, BeforeTheSnapshotThereIsAnErrorAndNoEmptyList) {
  Open();
  EXPECT_EQ(publisher_->status().published, std::nullopt);
  const auto answer = Ask().get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  Snapshot({});
  EXPECT_EQ(publisher_->status().published, revision_);
  EXPECT_EQ(Get(), "[]\n");
}

TEST_F(HttpSdPublisherTest, AListShowsEveryChangeThatWasToldOfBefore) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  EXPECT_EQ(Get(), ListOf({MakeStored(kA, {"h:1"})}));
  Put(kB, {"h:2"});
  EXPECT_EQ(Get(), ListOf({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})}));
  Put(kA, {"h:3"});
  EXPECT_EQ(Get(), ListOf({MakeStored(kA, {"h:3"}), MakeStored(kB, {"h:2"})}));
  Remove(kA);
  EXPECT_EQ(Get(), ListOf({MakeStored(kB, {"h:2"})}));
  EXPECT_EQ(publisher_->status().published, revision_);
  EXPECT_EQ(publisher_->status().failure, "");
}

TEST_F(HttpSdPublisherTest, WhatIsPublishedIsTheNewestRevisionThoughNobodyAsks) {
  constexpr std::string_view kName = "target_eye_published_revision{publisher=\"http_sd\"} ";
  Open();
  Snapshot({});
  EXPECT_THAT(metrics_.Render(), HasSubstr(std::string(kName) + "1\n"));
  Get();
  Put(kA, {"h:1"});
  Put(kB, {"h:1"});
  EXPECT_THAT(metrics_.Render(), HasSubstr(std::string(kName) + "3\n"));
  Get();
  EXPECT_THAT(metrics_.Render(), HasSubstr(std::string(kName) + "3\n"));
}

TEST_F(HttpSdPublisherTest, AnotherSnapshotReplacesAllThatWasKnown) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  Get();
  Put(kA, {"h:2"});
  publisher_->OnSnapshot({revision_, {MakeStored(kB, {"h:3"})}});
  EXPECT_EQ(Get(), ListOf({MakeStored(kB, {"h:3"})}));
}

TEST_F(HttpSdPublisherTest, AGroupWithoutTargetsIsLeftOut) {
  Open();
  Snapshot({MakeStored(kA, {}), MakeStored(kB, {"h:1"})});
  EXPECT_EQ(Get(), ListOf({MakeStored(kB, {"h:1"})}));
  Put(kB, {});
  EXPECT_EQ(Get(), "[]\n");
}

TEST_F(HttpSdPublisherTest, AListIsRenderedOnceHoweverManyAskForIt) {
  Open();
  std::vector<StoredGroupPtr> groups;
  for (int i = 0; i < 5000; ++i)
    groups.push_back(MakeStored({"a" + std::to_string(i), "x"}, {"h:1"}));
  Snapshot(groups);
  constexpr int kAskers = 8;
  constexpr int kQuestions = 50;
  std::vector<std::thread> askers;
  std::atomic<int> right = 0;
  const std::string expected = ListOf(groups);
  for (int i = 0; i < kAskers; ++i) {
    askers.emplace_back([&] {
      for (int n = 0; n < kQuestions; ++n) right += Get() == expected ? 1 : 0;
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(right, kAskers * kQuestions);
  EXPECT_EQ(Renderings(), 1);
  EXPECT_EQ(GetList().bytes, GetList().bytes);
  Put(kB, {"h:1"});
  EXPECT_EQ(Renderings(), 1);
  Get();
  EXPECT_EQ(Renderings(), 2);
}

TEST_F(HttpSdPublisherTest, EqualSelectorsShareOneRendering) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  const auto list = GetList(Selected("application=a,environment=x"));
  EXPECT_EQ(*list.bytes, ListOf({MakeStored(kA, {"h:1"})}));
  EXPECT_EQ(GetList(Selected("environment=x, application=a")).bytes, list.bytes);
  EXPECT_EQ(Renderings(), 1);
  EXPECT_EQ(Get(Selected("application=b")), ListOf({MakeStored(kB, {"h:2"})}));
  EXPECT_NE(Get({.meta_labels = true}), Get());
  EXPECT_EQ(Renderings(), 4);
}

std::shared_ptr<const GroupSet> Visible(std::vector<GroupSet::Rule> rules) {
  return std::make_shared<const GroupSet>(std::move(rules));
}

TEST_F(HttpSdPublisherTest, WhatMayNotBeSeenIsNotInTheList) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  const auto only_a = Visible({{{"a"}, {"*"}}});
  EXPECT_EQ(Get({.visible = only_a}), ListOf({MakeStored(kA, {"h:1"})}));
  EXPECT_EQ(Get({.visible = Visible({{{"b"}, {"x"}}})}), ListOf({MakeStored(kB, {"h:2"})}));
  EXPECT_EQ(Get({.visible = Visible({{{"a"}, {"y"}}})}), "[]\n");
  EXPECT_EQ(Get(), ListOf({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})}));
  // A selector picks among what may be seen, and never more.
  EXPECT_EQ(Get({.selector = Selector::Parse("application=b").value(), .visible = only_a}), "[]\n");
  const std::string etag = GetList({.visible = only_a}).etag;
  Put(kB, {"h:3"});
  EXPECT_EQ(GetList({.visible = only_a}).etag, etag);
}

TEST_F(HttpSdPublisherTest, EqualRightsShareOneRendering) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  const int before = Renderings();
  Get({.visible = Visible({{{"a", "b"}, {"x"}}})});
  Get({.visible = Visible({{{"b"}, {"x"}}, {{"a"}, {"x"}}})});
  EXPECT_EQ(Renderings(), before + 1);
  Get({.visible = Visible({{{"b"}, {"x"}}})});
  EXPECT_EQ(Renderings(), before + 2);
}

TEST_F(HttpSdPublisherTest, ManyDifferentRightsKeepToTheBounds) {
  Open();
  std::vector<StoredGroupPtr> groups;
  for (int i = 100; i < 400; ++i) groups.push_back(MakeStored({"a", std::to_string(i)}, {"h:1"}));
  Snapshot(groups);
  const auto of = [](int i) { return Visible({{{"*"}, {std::to_string(i)}}}); };
  std::vector<Answer> answers;
  for (int i = 100; i < 400; ++i) answers.push_back(Ask({.visible = of(i)}));
  int served = 0;
  for (int i = 100; i < 400; ++i) {
    const auto list = answers[static_cast<std::size_t>(i - 100)].get();
    if (!list) {
      EXPECT_EQ(list.error().code, ErrorCode::kOverloaded);
      continue;
    }
    ++served;
    EXPECT_EQ(*list->bytes, ListOf({MakeStored({"a", std::to_string(i)}, {"h:1"})}));
  }
  EXPECT_GE(served, 64);
  const int before = Renderings();
  for (int i = 100; i < 116; ++i) Get({.visible = of(i)});
  for (int i = 100; i < 116; ++i) Get({.visible = of(i)});
  EXPECT_LE(Renderings(), before + 16);
}

TEST_F(HttpSdPublisherTest, TheCompressedFormIsMadeOfTheSameRendering) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  const auto zipped = GetList({.gzip = true});
  EXPECT_EQ(*zipped.bytes, Gzip(ListOf({MakeStored(kA, {"h:1"})})));
  EXPECT_EQ(GetList({.gzip = true}).bytes, zipped.bytes);
  EXPECT_NE(GetList().etag, zipped.etag);
  EXPECT_EQ(Renderings(), 1);
}

TEST_F(HttpSdPublisherTest, AListThatAChangeLeavesAsItWasKeepsItsEtags) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"}), MakeStored(kB, {"h:2"})});
  View view = Selected("application=a");
  const auto plain = GetList(view);
  view.gzip = true;
  const auto zipped = GetList(view);
  Put(kB, {"h:3"});
  EXPECT_EQ(GetList(view).bytes, zipped.bytes);
  EXPECT_EQ(GetList(view).etag, zipped.etag);
  view.gzip = false;
  EXPECT_EQ(GetList(view).etag, plain.etag);
  Put(kA, {"h:4"});
  EXPECT_NE(GetList(view).etag, plain.etag);
  view.gzip = true;
  EXPECT_NE(GetList(view).etag, zipped.etag);
}

TEST_F(HttpSdPublisherTest, ListsOverTheBoundAreRenderedAgain) {
  Open({.kept_lists = 2});
  Snapshot({MakeStored(kA, {"h:1"})});
  for (const char* text : {"application=a", "application=b", "application=c"}) Get(Selected(text));
  EXPECT_EQ(Renderings(), 3);
  Get(Selected("application=c"));
  Get(Selected("application=b"));
  EXPECT_EQ(Renderings(), 3);
  Get(Selected("application=a"));
  EXPECT_EQ(Renderings(), 4);
}

// Holds the renderer's thread inside an answer until it is let go.
class Holdup {
 public:
  HttpSdPublisher::Done Done() {
    return [this](const Expected<SdList>& /*list*/) {
      held_.set_value();
      go_.get_future().wait();
    };
  }
  void AwaitHeld() { held_.get_future().wait(); }
  void LetGo() { go_.set_value(); }

 private:
  std::promise<void> held_;
  std::promise<void> go_;
};

TEST_F(HttpSdPublisherTest, TooManyDifferentListsAtOnceAreRefused) {
  Open({.waiting_lists = 2});
  Snapshot({MakeStored(kA, {"h:1"})});
  Holdup holdup;
  publisher_->Get({}, holdup.Done());
  holdup.AwaitHeld();
  // Whatever is asked for now waits; of the same list any number.
  Answer first = Ask(Selected("application=a"));
  Answer same = Ask(Selected("application=a"));
  Answer second = Ask(Selected("application=b"));
  const auto refused = Ask(Selected("application=c")).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_TRUE(Ask(Selected("application=a")).valid());
  holdup.LetGo();
  EXPECT_EQ(first.get()->bytes, same.get()->bytes);
  EXPECT_EQ(*second.get()->bytes, "[]\n");
}

TEST_F(HttpSdPublisherTest, AListThatTakesTooLongToSelectIsGivenUp) {
  Open({.selecting_time = std::chrono::milliseconds(10)});
  std::vector<StoredGroupPtr> groups;
  for (int i = 1000; i < 6000; ++i) {
    groups.push_back(MakeStored({std::string(1000, 'a') + std::to_string(i), "x"}, {"h:1"}));
  }
  Snapshot(groups);
  std::vector<Selector::Term> terms;
  for (std::size_t i = 0; i < Selector::kMaxTerms; ++i) {
    terms.push_back({"application", false, "*a*a*" + std::to_string(10 + i) + "x*"});
  }
  const View dear{.selector = Selector::Make(terms).value()};
  const auto given_up = Ask(dear).get();
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, ErrorCode::kOverloaded);
  EXPECT_THAT(given_up.error().message, HasSubstr("took more than 10 ms; expected fewer"));
  EXPECT_EQ(Get(), ListOf(groups));
  EXPECT_FALSE(Ask(dear).get());
  // All of it can always be had, however long that takes.
  Open({.selecting_time = std::chrono::milliseconds(0)});
  Snapshot(groups);
  EXPECT_EQ(Get(), ListOf(groups));
  EXPECT_FALSE(Ask(Selected("application=b")).get());
}

// Notes in which order lists come.
class Order {
 public:
  HttpSdPublisher::Done Note(std::string name) {
    return [this, name = std::move(name)](const Expected<SdList>& list) {
      const std::lock_guard lock(mutex_);
      names_.push_back(name + (list ? "" : " refused"));
    };
  }
  std::vector<std::string> names() {
    const std::lock_guard lock(mutex_);
    return names_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> names_;
};

TEST_F(HttpSdPublisherTest, AListThatIsAskedForAgainGoesBeforeNewOnes) {
  Open({}, still_);
  Snapshot({MakeStored(kA, {"h:1"})});
  Get(Selected("application=a"));
  Get(Selected("application=b"));
  Put(kB, {"h:1"});
  Order order;
  Holdup holdup;
  publisher_->Get({.meta_labels = true}, holdup.Done());
  holdup.AwaitHeld();
  for (int i = 0; i < 9; ++i) {
    publisher_->Get(Selected("application=*" + std::to_string(i)), order.Note("new"));
  }
  publisher_->Get(Selected("application=a"), order.Note("known"));
  holdup.LetGo();
  ASSERT_TRUE(Eventually([&] { return order.names().size() == 10; }));
  EXPECT_EQ(order.names().front(), "known");
}

TEST_F(HttpSdPublisherTest, WhoseTurnIsLastMakesRoomForOthers) {
  Open({.waiting_lists = 2}, still_);
  Snapshot({MakeStored(kA, {"h:1"})});
  Order order;
  Holdup holdup;
  publisher_->Get({.meta_labels = true}, holdup.Done());
  holdup.AwaitHeld();
  publisher_->Get(Selected("application=a,environment=x"), order.Note("first"));
  publisher_->Get(Selected("application=b,environment=x"), order.Note("second"));
  publisher_->Get({}, order.Note("all"));
  EXPECT_EQ(order.names(), std::vector<std::string>({"second refused"}));
  publisher_->Get(Selected("application=c,environment=x"), order.Note("third"));
  holdup.LetGo();
  ASSERT_TRUE(Eventually([&] { return order.names().size() == 4; }));
  EXPECT_EQ(order.names(),
            std::vector<std::string>({"second refused", "third refused", "all", "first"}));
}

TEST_F(HttpSdPublisherTest, NeitherCommitsNorQuestionsWaitForTheRenderer) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  Get();
  Holdup holdup;
  publisher_->Get(Selected("application=a"), holdup.Done());
  holdup.AwaitHeld();
  // It is kept, so that it comes at once, on this thread.
  EXPECT_EQ(Get(), ListOf({MakeStored(kA, {"h:1"})}));
  for (int i = 0; i < 10'000; ++i) Put({"a" + std::to_string(i), "x"}, {"h:1"});
  Answer late = Ask();
  holdup.LetGo();
  EXPECT_THAT(*late.get()->bytes, HasSubstr("\"a9999\""));
}

TEST_F(HttpSdPublisherTest, ChangesThatNobodyAsksForDoNotGather) {
  Open();
  Snapshot({});
  for (int i = 0; i < 20'000; ++i) {
    const GroupKey key{"a" + std::to_string(i), "x"};
    Put(key, {"h:1"});
    if (i != 12'345) Remove(key);
  }
  EXPECT_EQ(Get(), ListOf({MakeStored({"a12345", "x"}, {"h:1"})}));
}

TEST_F(HttpSdPublisherTest, StopAnswersThoseWhoWait) {
  Open();
  Snapshot({MakeStored(kA, {"h:1"})});
  Holdup holdup;
  publisher_->Get({}, holdup.Done());
  holdup.AwaitHeld();
  Answer waiting = Ask(Selected("application=a"));
  std::thread stop([&] { publisher_->Stop(); });
  // What is kept is refused from then on, too.
  EXPECT_TRUE(Eventually([&] { return !Ask().get(); }));
  holdup.LetGo();
  stop.join();
  const auto answer = waiting.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("stopping"));
}

TEST_F(HttpSdPublisherTest, WhoAsksAmidChangesSeesWhatWasToldBeforeAndWholeCommits) {
  Open();
  Snapshot({});
  std::atomic<int> told = 0;
  std::atomic<bool> ending = false;
  std::thread changes([&] {
    for (int i = 1; !ending; ++i) {
      const std::string target = "h:" + std::to_string(i % 60'000 + 1);
      ++revision_;
      publisher_->OnChanges(revision_,
                            std::array{Change{kA, revision_, MakeStored(kA, {target})},
                                       Change{kB, revision_, MakeStored(kB, {target})}},
                            nullptr);
      told = i % 60'000 + 1;
    }
  });
  for (int i = 0; i < 300; ++i) {
    const int before = told;
    const std::string list = Get();
    if (list == "[]\n") {
      EXPECT_EQ(before, 0);
      continue;
    }
    const std::size_t at = list.find("\"h:") + 3;
    const int shown = std::stoi(list.substr(at));
    EXPECT_TRUE(shown >= before || shown < before - 30'000) << shown << " after " << before;
    const std::string target = "h:" + std::to_string(shown);
    EXPECT_EQ(list, ListOf({MakeStored(kA, {target}), MakeStored(kB, {target})}));
  }
  ending = true;
  changes.join();
}

}  // namespace
}  // namespace target_eye
