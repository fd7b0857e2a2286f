#include "store/testing/store_contract.h"

#include <algorithm>
#include <random>
#include <set>
#include <thread>

namespace target_eye {
namespace {

// Adds one to the number that the group's only target has as its port, on what is there, whoever
// else does the same.
void Count(Store& store, StoredGroupPtr seen) {
  for (;;) {
    const int now = seen ? std::stoi(seen->text.Decode().targets.at(0).text().substr(2)) : 0;
    const auto written =
        CommitOne(store, MakeWrite("hot", MakeGroup("h:" + std::to_string(now + 1)), seen));
    if (!written.error) return;
    ASSERT_EQ(written.error->code, ErrorCode::kConflict) << written.error->message;
    seen = written.group;
  }
}

}  // namespace

TEST_P(StoreContractTest, ANewStoreIsEmptyAndSaysThatItIsNew) {
  Open();
  EXPECT_TRUE(sink_.groups().empty());
  EXPECT_TRUE(sink_.is_new());
  Reopen();
  EXPECT_TRUE(sink_.is_new());
}

TEST_P(StoreContractTest, AStoreThatWasWrittenToIsNotNewThoughNothingIsInIt) {
  Open();
  Write("a", MakeGroup("h:1"));
  Write("a", std::nullopt);
  Reopen();
  EXPECT_TRUE(sink_.groups().empty());
  EXPECT_FALSE(sink_.is_new());
}

TEST_P(StoreContractTest, ACommitWithoutWritesIsARevisionThatIsToldAndKept) {
  Open();
  const Revision before = sink_.revision();
  const Revision revision = Write(std::vector<GroupWrite>{});
  EXPECT_GT(revision, before);
  EXPECT_EQ(sink_.revision(), revision);
  EXPECT_TRUE(sink_.changes().empty());
  Reopen();
  EXPECT_GE(sink_.revision(), revision);
  EXPECT_FALSE(sink_.is_new());
}

TEST_P(StoreContractTest, ACommitIsToldBeforeItIsDone) {
  Open();
  const Revision before = sink_.revision();
  const Revision revision = Write("a", MakeGroup("h:1"));
  EXPECT_GT(revision, before);
  const auto told = sink_.changes();
  ASSERT_EQ(told.size(), 1);
  EXPECT_EQ(told[0].key, (GroupKey{"a", "e"}));
  EXPECT_EQ(told[0].revision, revision);
  ASSERT_NE(told[0].after, nullptr);
  EXPECT_EQ(told[0].after->text.Decode(), MakeGroup("h:1"));
  EXPECT_EQ(told[0].after->text.json(), R"({"targets":["h:1"],"labels":{"env":"e","job":"j"}})");
}

TEST_P(StoreContractTest, AWriteIsAnsweredWithTheGroupThatWasWritten) {
  Open();
  const auto made = CommitOne(*store_, MakeWrite("a", MakeGroup("h:1"), nullptr));
  EXPECT_TRUE(IsSame(made.group, sink_.Find("a")));
  const auto removed = CommitOne(*store_, MakeWrite("a", std::nullopt, made.group));
  EXPECT_FALSE(removed.error.has_value());
  EXPECT_EQ(removed.group, nullptr);
}

TEST_P(StoreContractTest, AChangeSaysWhatWasBeforeAndAfterAndWhoMadeItWhenAndWhy) {
  Open();
  const std::vector<std::pair<std::optional<TargetGroup>, Origin>> steps = {
      {MakeGroup("h:1"), {"a file", 5, Cause::kImport}},
      {MakeGroup("h:2"), {"somebody", 6, Cause::kClient}},
      {std::nullopt, {"the clock", 7, Cause::kExpiry}},
  };
  for (const auto& [group, origin] : steps) {
    GroupWrite write = MakeWrite("a", group, sink_.Find("a"));
    write.origin = origin;
    Write({write});
  }
  const auto told = sink_.changes();
  ASSERT_EQ(told.size(), steps.size());
  EXPECT_EQ(told[0].before, nullptr);
  EXPECT_TRUE(IsSame(told[1].before, told[0].after));
  EXPECT_TRUE(IsSame(told[2].before, told[1].after));
  EXPECT_EQ(told[2].after, nullptr);
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(told[i].origin, steps[i].second);
}

TEST_P(StoreContractTest, EverythingAboutAGroupIsThereAfterReopening) {
  Open();
  const TargetGroup group{{Target::FromStored("b:1"), Target::FromStored("a:2")},
                          {{"env", "e"}, {"job", "j"}, {"text", "\"\\\n\x01 ü 🚀"}}};
  for (const Cause cause :
       {Cause::kClient, Cause::kImport, Cause::kExpiry, Cause::kUndo, Cause::kReload}) {
    GroupWrite write = MakeWrite("ä/b", group, nullptr, "x y" + std::string(CauseName(cause)));
    write.origin = {.who = "user:ö@[::1]:1", .when_ms = 1'700'000'000'123, .cause = cause};
    Write({write});
  }
  const auto before = sink_.groups();
  const Revision revision = sink_.revision();
  Reopen();
  EXPECT_GE(sink_.revision(), revision);
  const auto after = sink_.groups();
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [key, kept] : before) {
    EXPECT_TRUE(IsSame(after.at(key), kept)) << key.environment;
    EXPECT_EQ(kept->text.Decode(), group);
  }
}

TEST_P(StoreContractTest, ACommitIsOneRevision) {
  Open();
  const Revision revision =
      Write({MakeWrite("a", MakeGroup("h:1"), nullptr), MakeWrite("b", MakeGroup("h:2"), nullptr)});
  EXPECT_EQ(sink_.changes().size(), 2);
  EXPECT_EQ(sink_.Find("a")->revision, revision);
  EXPECT_EQ(sink_.Find("b")->revision, revision);
}

TEST_P(StoreContractTest, ACommitTakesAsMuchAsTheLimitsSay) {
  Open();
  const std::size_t count = std::min<std::size_t>(store_->limits().writes, 5000);
  std::vector<GroupWrite> writes;
  for (std::size_t i = 0; i < count; ++i) {
    writes.push_back(MakeWrite("a" + std::to_string(i), MakeGroup("h:1"), nullptr));
  }
  Write(std::move(writes));
  EXPECT_EQ(sink_.groups().size(), count);
}

TEST_P(StoreContractTest, ASnapshotIsOrderedByKeyByteByByte) {
  Open();
  Write({MakeWrite("b", MakeGroup("h:1"), nullptr), MakeWrite("a", MakeGroup("h:1"), nullptr, "z"),
         MakeWrite("ä", MakeGroup("h:1"), nullptr), MakeWrite("a", MakeGroup("h:1"), nullptr, "y"),
         MakeWrite("A", MakeGroup("h:1"), nullptr), MakeWrite("a-b", MakeGroup("h:1"), nullptr)});
  Reopen();  // The sink looks at the order.
  EXPECT_EQ(sink_.groups().size(), 6);
}

TEST_P(StoreContractTest, AnUpdateNeedsWhatIsThere) {
  Open();
  Write("a", MakeGroup("h:1"));
  const StoredGroupPtr first = sink_.Find("a");
  Write("a", MakeGroup("h:2"));
  ExpectConflict(MakeWrite("a", MakeGroup("h:3"), first));
  EXPECT_EQ(sink_.changes().size(), 2);
  Reopen();
  EXPECT_EQ(sink_.Find("a")->text.Decode(), MakeGroup("h:2"));
}

TEST_P(StoreContractTest, CreatingWhatExistsIsAConflict) {
  Open();
  Write("a", MakeGroup("h:1"));
  ExpectConflict(MakeWrite("a", MakeGroup("h:2"), nullptr));
}

TEST_P(StoreContractTest, UpdatingWhatIsGoneIsAConflict) {
  Open();
  Write("a", MakeGroup("h:1"));
  const StoredGroupPtr first = sink_.Find("a");
  Write("a", std::nullopt);
  ExpectConflict(MakeWrite("a", MakeGroup("h:2"), first));
}

TEST_P(StoreContractTest, RemovingWhatIsNotThereIsAConflict) {
  Open();
  Write("a", MakeGroup("h:1"));
  const StoredGroupPtr first = sink_.Find("a");
  ExpectConflict(MakeWrite("b", std::nullopt, nullptr));
  ExpectConflict(MakeWrite("b", std::nullopt, first));
  ExpectConflict(MakeWrite("a", std::nullopt, AtRevision(first, first->revision + 7)));
  Reopen();
  EXPECT_EQ(sink_.groups().size(), 1);
}

TEST_P(StoreContractTest, WritesThatStandAloneDoNotDependOnEachOther) {
  Open();
  Write("a", MakeGroup("h:1"));
  const auto committed = Commit(*store_, {MakeWrite("b", MakeGroup("h:1"), nullptr),
                                          MakeWrite("a", MakeGroup("h:2"), nullptr),
                                          MakeWrite("c", MakeGroup("h:1"), nullptr)});
  ASSERT_EQ(committed.written.size(), 3);
  EXPECT_TRUE(IsSame(committed.written[0].group, sink_.Find("b")));
  ASSERT_TRUE(committed.written[1].error.has_value());
  EXPECT_EQ(committed.written[1].error->code, ErrorCode::kConflict);
  EXPECT_TRUE(IsSame(committed.written[1].group, sink_.Find("a")));
  EXPECT_TRUE(IsSame(committed.written[2].group, sink_.Find("c")));
  Reopen();
  EXPECT_EQ(sink_.groups().size(), 3);
  EXPECT_EQ(sink_.Find("a")->text.Decode(), MakeGroup("h:1"));
}

TEST_P(StoreContractTest, ASetIsWrittenWholeOrNotAtAll) {
  Open();
  Write("a", MakeGroup("h:1"));
  Write("z", MakeGroup("h:1"));
  const auto committed = Commit(*store_, {InSet(1, MakeWrite("b", MakeGroup("h:1"), nullptr)),
                                          InSet(2, MakeWrite("c", MakeGroup("h:1"), nullptr)),
                                          InSet(1, MakeWrite("a", MakeGroup("h:2"), nullptr)),
                                          InSet(1, MakeWrite("z", std::nullopt, sink_.Find("z"))),
                                          InSet(2, MakeWrite("d", MakeGroup("h:1"), nullptr)),
                                          MakeWrite("e", MakeGroup("h:1"), nullptr)});
  const auto& written = committed.written;
  ASSERT_EQ(written.size(), 6);
  for (const std::size_t of_the_first : {0, 2, 3}) {
    ASSERT_TRUE(written[of_the_first].error.has_value()) << of_the_first;
    EXPECT_EQ(written[of_the_first].error->code, ErrorCode::kConflict);
  }
  EXPECT_EQ(written[0].group, nullptr);
  EXPECT_TRUE(IsSame(written[2].group, sink_.Find("a")));
  EXPECT_TRUE(IsSame(written[3].group, sink_.Find("z")));
  for (const std::size_t other : {1, 4, 5}) EXPECT_FALSE(written[other].error) << other;
  Reopen();
  EXPECT_EQ(sink_.Find("b"), nullptr);
  EXPECT_EQ(sink_.Find("a")->text.Decode(), MakeGroup("h:1"));
  for (const char* application : {"z", "c", "d", "e"}) {
    EXPECT_NE(sink_.Find(application), nullptr) << application;
  }
}

TEST_P(StoreContractTest, ACommitOfNothingButConflictsIsNoRevision) {
  Open();
  const Revision revision = Write("a", MakeGroup("h:1"));
  ExpectConflict(MakeWrite("a", MakeGroup("h:2"), nullptr));
  EXPECT_EQ(sink_.revision(), revision);
  EXPECT_EQ(sink_.changes().size(), 1);
  Write("a", MakeGroup("h:2"));
  Reopen();
  EXPECT_EQ(sink_.Find("a")->text.Decode(), MakeGroup("h:2"));
}

TEST_P(StoreContractTest, AfterItsDeadlineNothingIsWritten) {
  Open();
  std::vector<GroupWrite> writes;
  writes.push_back(MakeWrite("a", MakeGroup("h:1"), nullptr));
  std::promise<std::vector<Store::Written>> promise;
  store_->Commit(std::move(writes), SystemClock().Now() - std::chrono::seconds(1), nullptr,
                 [&](Revision, auto written) { promise.set_value(std::move(written)); });
  const auto written = promise.get_future().get();
  ASSERT_EQ(written.size(), 1);
  ASSERT_TRUE(written[0].error.has_value());
  EXPECT_EQ(written[0].error->code, ErrorCode::kUnavailable);
  EXPECT_TRUE(sink_.changes().empty());
  Write("a", MakeGroup("h:1"));
}

TEST_P(StoreContractTest, ATicketComesBackWithTheChangeOfItsCommitAndIsLetGo) {
  Open();
  const auto ticket = std::make_shared<int>(1);
  Write({MakeWrite("a", MakeGroup("h:1"), nullptr)}, ticket);
  EXPECT_EQ(sink_.TakeTicket(), ticket);
  EXPECT_EQ(ticket.use_count(), 1);
  Write("b", MakeGroup("h:1"));
  EXPECT_EQ(sink_.TakeTicket(), nullptr);
  Commit(*store_, {MakeWrite("a", MakeGroup("h:2"), nullptr)}, ticket);  // A conflict.
  EXPECT_EQ(ticket.use_count(), 1);
}

TEST_P(StoreContractTest, ARemovedGroupIsGoneAndMayComeBack) {
  Open();
  const Revision first = Write("a", MakeGroup("h:1"));
  const Revision removed = Write("a", std::nullopt);
  EXPECT_GT(removed, first);
  Reopen();
  EXPECT_TRUE(sink_.groups().empty());
  EXPECT_GE(sink_.revision(), removed) << "the counter does not go back with the last group";
  EXPECT_GT(Write("a", MakeGroup("h:1")), removed);
}

TEST_P(StoreContractTest, NobodyIsToldAfterClose) {
  Open();
  store_->Close();
  const auto refused = CommitOne(*store_, MakeWrite("a", MakeGroup("h:1"), nullptr));
  ASSERT_TRUE(refused.error.has_value());
  EXPECT_EQ(refused.error->code, ErrorCode::kUnavailable);
  store_->Tend(SystemClock().Now());
  EXPECT_TRUE(sink_.changes().empty());
  EXPECT_EQ(sink_.snapshots(), 1);
}

TEST_P(StoreContractTest, OpeningAgainStartsFromWhatIsKept) {
  Open();
  const Revision first = Write("a", MakeGroup("h:1"));
  store_->Close();
  Open();
  EXPECT_EQ(sink_.groups().size(), 1);
  EXPECT_GT(Write("a", MakeGroup("h:2")), first);
}

TEST_P(StoreContractTest, AFeedThatBreaksBeginsAgainWithASnapshot) {
  Open();
  Write("a", MakeGroup("h:1"));
  Write("b", MakeGroup("h:1"));
  const Revision revision = sink_.revision();
  GetParam().break_feed(*store_, directory_);
  store_->Tend(SystemClock().Now() + std::chrono::hours(1));
  EXPECT_EQ(sink_.snapshots(), 2);
  EXPECT_EQ(sink_.revision(), revision);
  EXPECT_EQ(sink_.groups().size(), 2);
  EXPECT_FALSE(sink_.failure().has_value());
  Write("a", MakeGroup("h:2"));
  Reopen();
  EXPECT_EQ(sink_.Find("a")->text.Decode(), MakeGroup("h:2"));
}

TEST_P(StoreContractTest, ASecondStoreOnTheSameDataIsOpenToWhatIsSharedAndRefusedElsewhere) {
  Open();
  RecordingSink second_sink;
  const auto second = GetParam().make(directory_);
  const auto opened = second->Open(second_sink);
  ASSERT_EQ(opened.has_value(), GetParam().is_shared);
  if (!opened) {
    EXPECT_EQ(opened.error().code, ErrorCode::kInUse);
  }
  Write("a", MakeGroup("h:1"));
  EXPECT_EQ(second_sink.snapshots(), GetParam().is_shared ? 1 : 0);
}

TEST_P(StoreContractTest, RandomCommitsAndReopeningsMatchAMap) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::map<std::string, std::pair<TargetGroup, Revision>> model;
  Open();
  for (int step = 0; step < 200; ++step) {
    std::map<std::string, GroupWrite> batch;
    std::set<std::string> stale;
    std::set<int> stale_sets;
    for (unsigned i = 0; i <= random() % 8; ++i) {
      const std::string name = "app" + std::to_string(random() % 12);
      if (batch.contains(name)) continue;
      const bool is_removal = model.contains(name) && random() % 3 == 0;
      const std::string target = "h:" + std::to_string(1 + random() % 9);
      GroupWrite write = MakeWrite(
          name, is_removal ? std::nullopt : std::optional(MakeGroup(target)), sink_.Find(name));
      write.set = static_cast<int>(random() % 3);
      if (random() % 5 == 0) {
        if (write.before) {
          write.before = AtRevision(write.before, write.before->revision - 1);
        } else {
          write.before =
              MakeStoredGroup({name, "e"}, GroupText(MakeGroup(target)), sink_.revision() + 1, {});
        }
        stale.insert(name);
        if (write.set != 0) stale_sets.insert(write.set);
      }
      batch.insert_or_assign(name, write);
    }
    std::vector<GroupWrite> writes;
    for (const auto& [name, write] : batch) writes.push_back(write);
    const auto committed = Commit(*store_, writes);
    for (std::size_t i = 0; i < writes.size(); ++i) {
      const std::string& name = writes[i].key.application;
      const bool is_overtaken = stale.contains(name) || stale_sets.contains(writes[i].set);
      ASSERT_EQ(committed.written[i].error.has_value(), is_overtaken) << name;
      if (is_overtaken) {
        ASSERT_TRUE(IsSame(committed.written[i].group, sink_.Find(name)));
      } else if (writes[i].group) {
        model.insert_or_assign(name, std::pair(writes[i].group->Decode(), committed.revision));
      } else {
        model.erase(name);
      }
    }
    if (random() % 20 == 0) Reopen();
    const auto told = sink_.groups();
    ASSERT_EQ(told.size(), model.size());
    for (const auto& [key, group] : told) {
      const auto& [expected_group, expected_revision] = model.at(key.application);
      ASSERT_EQ(group->text.Decode(), expected_group);
      ASSERT_EQ(group->revision, expected_revision);
    }
  }
}

TEST_P(SharedStoreContractTest, EachIsToldOfWhatTheOtherWritesWithoutATicket) {
  OpenBoth();
  const Revision mine =
      Write({MakeWrite("a", MakeGroup("h:1"), nullptr)}, std::make_shared<int>(1));
  other_sink_.AwaitRevision(mine);
  EXPECT_EQ(other_sink_.TakeTicket(), nullptr);
  EXPECT_TRUE(IsSame(other_sink_.Find("a"), sink_.Find("a")));
  const auto removed = Commit(*other_, {MakeWrite("a", std::nullopt, other_sink_.Find("a"))});
  sink_.AwaitRevision(removed.revision);
  EXPECT_EQ(sink_.Find("a"), nullptr);
}

TEST_P(SharedStoreContractTest, WhatOvertookAWriteIsHandedBackBeforeTheFeedTellsIt) {
  OpenBoth();
  Write("a", MakeGroup("h:1"));
  const StoredGroupPtr seen = sink_.Find("a");
  GetParam().hold_feed(*store_, true);
  const auto theirs = CommitOne(*other_, MakeWrite("a", MakeGroup("h:2"), seen));
  ASSERT_FALSE(theirs.error.has_value());
  const auto mine = CommitOne(*store_, MakeWrite("a", MakeGroup("h:3"), seen));
  ASSERT_TRUE(mine.error.has_value());
  EXPECT_EQ(mine.error->code, ErrorCode::kConflict);
  EXPECT_TRUE(IsSame(mine.group, theirs.group));
  EXPECT_TRUE(IsSame(sink_.Find("a"), seen)) << "it was held back";
  GetParam().hold_feed(*store_, false);
  sink_.AwaitRevision(theirs.group->revision);
  EXPECT_TRUE(IsSame(sink_.Find("a"), theirs.group));
}

TEST_P(SharedStoreContractTest, ACommitIsNotDoneBeforeItsOwnFeedHasToldIt) {
  OpenBoth();
  GetParam().hold_feed(*store_, true);
  const auto ticket = std::make_shared<int>(1);
  auto committed = BeginCommit(*store_, {MakeWrite("a", MakeGroup("h:1"), nullptr)}, ticket);
  while (other_sink_.Find("a") == nullptr) std::this_thread::yield();
  Commit(*other_, {MakeWrite("b", MakeGroup("h:1"), nullptr)});
  EXPECT_EQ(committed.wait_for(std::chrono::milliseconds(20)), std::future_status::timeout);
  EXPECT_TRUE(sink_.changes().empty());
  GetParam().hold_feed(*store_, false);
  EXPECT_FALSE(committed.get().written.at(0).error.has_value());
  EXPECT_NE(sink_.Find("a"), nullptr);
  sink_.AwaitRevision(other_sink_.revision());
  EXPECT_EQ(sink_.TakeTicket(), nullptr) << "it came with the change before this one";
}

TEST_P(SharedStoreContractTest, AStoreThatOpensBehindAHeldFeedIsToldItsSnapshotLater) {
  GetParam().hold_feed(*store_, true);
  ASSERT_TRUE(other_->Open(other_sink_).has_value());
  ASSERT_TRUE(store_->Open(sink_).has_value());
  const auto theirs = CommitOne(*other_, MakeWrite("a", MakeGroup("h:1"), nullptr));
  EXPECT_EQ(sink_.snapshots(), 0);
  GetParam().hold_feed(*store_, false);
  sink_.AwaitRevision(theirs.group->revision);
  EXPECT_EQ(sink_.snapshots(), 1);
  EXPECT_TRUE(IsSame(sink_.Find("a"), theirs.group));
}

TEST_P(SharedStoreContractTest, ClosingBehindAHeldFeedTellsNobodyAndOwesNoDone) {
  OpenBoth();
  GetParam().hold_feed(*store_, true);
  auto committed = BeginCommit(*store_, {MakeWrite("a", MakeGroup("h:1"), nullptr)});
  while (other_sink_.Find("a") == nullptr) std::this_thread::yield();
  store_->Close();
  const auto written = committed.get().written.at(0);
  ASSERT_TRUE(written.error.has_value());
  EXPECT_EQ(written.error->code, ErrorCode::kUncertain);
  GetParam().hold_feed(*store_, false);
  EXPECT_TRUE(sink_.changes().empty());
}

TEST_P(SharedStoreContractTest, WritersThatOvertakeEachOtherLoseNothing) {
  constexpr int kTimes = 300;
  OpenBoth();
  std::thread mine([&] {
    for (int i = 0; i < kTimes; ++i) Count(*store_, sink_.Find("hot"));
  });
  std::thread theirs([&] {
    for (int i = 0; i < kTimes; ++i) Count(*other_, other_sink_.Find("hot"));
  });
  mine.join();
  theirs.join();
  const Revision last = std::max(sink_.revision(), other_sink_.revision());
  sink_.AwaitRevision(last);
  other_sink_.AwaitRevision(last);
  EXPECT_EQ(sink_.Find("hot")->text.Decode(), MakeGroup("h:" + std::to_string(2 * kTimes)));
  EXPECT_TRUE(IsSame(other_sink_.Find("hot"), sink_.Find("hot")));
}

TEST_P(SharedStoreContractTest, AFeedThatBreaksWhileTheOtherWritesMissesNothing) {
  constexpr int kTimes = 300;
  OpenBoth();
  std::thread theirs([&] {
    for (int i = 0; i < kTimes; ++i) Count(*other_, other_sink_.Find("hot"));
  });
  for (int i = 0; i < 20; ++i) {
    GetParam().hold_feed(*store_, true);
    GetParam().break_feed(*store_, directory_);
    GetParam().hold_feed(*store_, false);
    store_->Tend(SystemClock().Now() + std::chrono::hours(1));
  }
  theirs.join();
  sink_.AwaitRevision(other_sink_.revision());
  EXPECT_GT(sink_.snapshots(), 1);
  EXPECT_TRUE(IsSame(sink_.Find("hot"), other_sink_.Find("hot")));
}

}  // namespace target_eye
