#include "store/testing/store_contract.h"

#include <random>

namespace target_eye {

TEST_P(StoreContractTest, ANewStoreIsEmptyAtRevisionZero) {
  const Snapshot snapshot = Open();
  EXPECT_EQ(snapshot.revision, 0);
  EXPECT_TRUE(snapshot.groups.empty());
}

TEST_P(StoreContractTest, ACommitIsToldBeforeItReturns) {
  Open();
  const Revision revision = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  EXPECT_GT(revision, 0);
  ASSERT_EQ(told_.size(), 1);
  EXPECT_EQ(told_[0].key, (GroupKey{"a", "e"}));
  EXPECT_EQ(told_[0].revision, revision);
  ASSERT_NE(told_[0].group, nullptr);
  EXPECT_EQ(told_[0].group->group, MakeGroup("h:1"));
  EXPECT_EQ(told_[0].group->revision, revision);
  EXPECT_EQ(told_[0].group->json, R"({"targets":["h:1"],"labels":{"env":"e","job":"j"}})");
}

TEST_P(StoreContractTest, EverythingAboutAGroupIsThereAfterReopening) {
  Open();
  TargetGroup group{{Target::FromStored("b:1"), Target::FromStored("a:2")},
                    {{"env", "e"}, {"job", "j"}, {"text", "\"\\\n\x01 ü 🚀"}}};
  GroupWrite write = MakeWrite("ä/b", group, 0, "x y");
  const Revision revision = Commit({write});
  const Snapshot snapshot = Reopen();
  EXPECT_EQ(snapshot.revision, revision);
  ASSERT_EQ(snapshot.groups.size(), 1);
  const StoredGroup& kept = *snapshot.groups[0];
  EXPECT_EQ(kept.key, write.key);
  EXPECT_EQ(kept.group, group);
  EXPECT_EQ(kept.revision, revision);
  EXPECT_EQ(kept.changed_by, write.changed_by);
  EXPECT_EQ(kept.changed_at_ms, write.changed_at_ms);
}

TEST_P(StoreContractTest, ABatchIsOneRevision) {
  Open();
  const Revision revision =
      Commit({MakeWrite("a", MakeGroup("h:1"), 0), MakeWrite("b", MakeGroup("h:2"), 0)});
  ASSERT_EQ(told_.size(), 2);
  EXPECT_EQ(told_[0].revision, revision);
  EXPECT_EQ(told_[1].revision, revision);
}

TEST_P(StoreContractTest, ASnapshotIsOrderedByKeyByteByByte) {
  Open();
  Commit({MakeWrite("b", MakeGroup("h:1"), 0), MakeWrite("a", MakeGroup("h:1"), 0, "z"),
          MakeWrite("ä", MakeGroup("h:1"), 0), MakeWrite("a", MakeGroup("h:1"), 0, "y"),
          MakeWrite("A", MakeGroup("h:1"), 0), MakeWrite("a-b", MakeGroup("h:1"), 0)});
  std::vector<std::string> keys;
  for (const auto& group : Reopen().groups) {
    keys.push_back(group->key.application + "/" + group->key.environment);
  }
  EXPECT_THAT(keys, testing::ElementsAre("A/e", "a/y", "a/z", "a-b/e", "b/e", "ä/e"));
}

TEST_P(StoreContractTest, AnUpdateNeedsTheCurrentRevision) {
  Open();
  const Revision first = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  const Revision second = Commit({MakeWrite("a", MakeGroup("h:2"), first)});
  EXPECT_GT(second, first);
  const auto stale = store_->Commit(std::vector{MakeWrite("a", MakeGroup("h:3"), first)});
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().code, ErrorCode::kConflict);
  EXPECT_EQ(told_.size(), 2);
  EXPECT_EQ(Reopen().groups.at(0)->group, MakeGroup("h:2"));
}

TEST_P(StoreContractTest, CreatingWhatExistsIsAConflict) {
  Open();
  Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  const auto again = store_->Commit(std::vector{MakeWrite("a", MakeGroup("h:2"), 0)});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
}

TEST_P(StoreContractTest, RemovingWhatIsNotThereIsAConflict) {
  Open();
  const Revision first = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  for (const auto& [application, expected] :
       std::vector<std::pair<std::string, Revision>>{{"b", 0}, {"b", first}, {"a", first + 7}}) {
    const auto removed =
        store_->Commit(std::vector{MakeWrite(application, std::nullopt, expected)});
    ASSERT_FALSE(removed.has_value()) << application << " at " << expected;
    EXPECT_EQ(removed.error().code, ErrorCode::kConflict);
  }
  EXPECT_EQ(Reopen().groups.size(), 1);
}

TEST_P(StoreContractTest, ABatchWithOneConflictWritesNothing) {
  Open();
  const Revision first = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  const auto mixed = store_->Commit(std::vector{MakeWrite("b", MakeGroup("h:1"), 0),
                                                MakeWrite("a", MakeGroup("h:2"), first + 1)});
  ASSERT_FALSE(mixed.has_value());
  EXPECT_EQ(told_.size(), 1);
  const Snapshot snapshot = Reopen();
  EXPECT_EQ(snapshot.revision, first);
  EXPECT_EQ(ByKey(snapshot).size(), 1);
}

TEST_P(StoreContractTest, AConflictLeavesTheStoreUsable) {
  Open();
  const Revision first = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  ASSERT_FALSE(store_->Commit(std::vector{MakeWrite("a", MakeGroup("h:2"), 0)}).has_value());
  EXPECT_GT(Commit({MakeWrite("a", MakeGroup("h:2"), first)}), first);
}

TEST_P(StoreContractTest, ARemovedGroupIsGoneAndMayComeBack) {
  Open();
  const Revision first = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  const Revision removed = Commit({MakeWrite("a", std::nullopt, first)});
  EXPECT_GT(removed, first);
  ASSERT_EQ(told_.size(), 2);
  EXPECT_EQ(told_[1].group, nullptr);
  Snapshot snapshot = Reopen();
  EXPECT_TRUE(snapshot.groups.empty());
  EXPECT_EQ(snapshot.revision, removed) << "the counter does not go back with the last group";
  EXPECT_GT(Commit({MakeWrite("a", MakeGroup("h:1"), 0)}), removed);
}

TEST_P(StoreContractTest, NobodyIsToldAfterClose) {
  Open();
  store_->Close();
  const auto refused = store_->Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)});
  EXPECT_FALSE(refused.has_value());
  EXPECT_TRUE(told_.empty());
}

TEST_P(StoreContractTest, OpeningAgainStartsFromWhatIsKept) {
  Open();
  const Revision first = Commit({MakeWrite("a", MakeGroup("h:1"), 0)});
  const Snapshot again = Open();
  EXPECT_EQ(again.revision, first);
  EXPECT_EQ(again.groups.size(), 1);
  EXPECT_GT(Commit({MakeWrite("a", MakeGroup("h:2"), first)}), first);
}

TEST_P(StoreContractTest, RandomCommitsAndReopeningsMatchAMap) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::map<std::string, std::pair<TargetGroup, Revision>> model;
  Open();
  for (int step = 0; step < 200; ++step) {
    std::map<std::string, GroupWrite> batch;
    for (unsigned i = 0; i <= random() % 8; ++i) {
      const std::string name = "app" + std::to_string(random() % 12);
      const auto it = model.find(name);
      const Revision expected = it == model.end() ? 0 : it->second.second;
      if (it != model.end() && random() % 3 == 0) {
        batch.insert_or_assign(name, MakeWrite(name, std::nullopt, expected));
      } else {
        batch.insert_or_assign(
            name, MakeWrite(name, MakeGroup("h:" + std::to_string(1 + random() % 9)), expected));
      }
    }
    std::vector<GroupWrite> writes;
    for (const auto& [name, write] : batch) {
      writes.push_back(write);
    }
    const Revision revision = Commit(writes);
    for (const auto& [name, write] : batch) {
      if (write.group) {
        model.insert_or_assign(name, std::pair(*write.group, revision));
      } else {
        model.erase(name);
      }
    }
    if (random() % 20 == 0) {
      const Snapshot snapshot = Reopen();
      ASSERT_EQ(snapshot.groups.size(), model.size());
      for (const auto& group : snapshot.groups) {
        const auto& [expected_group, expected_revision] = model.at(group->key.application);
        ASSERT_EQ(group->group, expected_group);
        ASSERT_EQ(group->revision, expected_revision);
      }
    }
  }
}

}  // namespace target_eye
