#include "store/testing/fault_store.h"

#include "store/testing/memory_store.h"
#include "store/testing/store_contract.h"

namespace target_eye {
namespace {

class FaultStoreTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open(sink_).has_value()); }

  Store::Written CommitIt() { return CommitOne(store_, MakeWrite("a", MakeGroup("h:1"), nullptr)); }
  void ExpectFails(ErrorCode code) {
    const auto refused = CommitIt();
    ASSERT_TRUE(refused.error.has_value());
    EXPECT_EQ(refused.error->code, code);
    ASSERT_TRUE(sink_.failure().has_value());
    EXPECT_EQ(sink_.failure()->code, code);
  }

  RecordingSink sink_;
  MemoryStore memory_;
  FaultStore store_{memory_};
};

TEST_F(FaultStoreTest, AnInjectedFailureWritesNothingAndPasses) {
  store_.FailCommits(1, ErrorCode::kUnavailable);
  ExpectFails(ErrorCode::kUnavailable);
  EXPECT_FALSE(CommitIt().error.has_value());
  EXPECT_FALSE(sink_.failure().has_value());
}

TEST_F(FaultStoreTest, AnUncertainCommitMayBeKeptAndIsToldWhenItIsOpenedAgain) {
  store_.FailCommits(1, ErrorCode::kUncertain, true);
  ExpectFails(ErrorCode::kUncertain);
  EXPECT_TRUE(sink_.groups().empty());
  EXPECT_EQ(CommitIt().error->code, ErrorCode::kDamaged);
  store_.Tend(SystemClock().Now());
  EXPECT_EQ(sink_.snapshots(), 2);
  EXPECT_EQ(sink_.groups().size(), 1);
  EXPECT_FALSE(sink_.failure().has_value());
}

TEST_F(FaultStoreTest, WhatALookFindsIsToldUntilItIsGone) {
  store_.FailChecks(ErrorCode::kUnavailable);
  store_.Tend(SystemClock().Now());
  EXPECT_TRUE(sink_.failure().has_value());
  store_.FailChecks(std::nullopt);
  store_.Tend(SystemClock().Now());
  EXPECT_FALSE(sink_.failure().has_value());
}

TEST_F(FaultStoreTest, ItIsLostAsLongAsItCannotBeOpened) {
  store_.FailOpens(2);
  store_.FailChecks(ErrorCode::kDamaged);
  store_.Tend(SystemClock().Now());
  store_.Tend(SystemClock().Now());
  EXPECT_EQ(CommitIt().error->code, ErrorCode::kDamaged);
  store_.FailChecks(std::nullopt);
  store_.Tend(SystemClock().Now());
  EXPECT_FALSE(CommitIt().error.has_value());
}

}  // namespace
}  // namespace target_eye
