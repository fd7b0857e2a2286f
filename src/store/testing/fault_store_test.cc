#include "store/testing/fault_store.h"

#include "store/testing/memory_store.h"
#include "store/testing/store_contract.h"

namespace target_eye {
namespace {

Store::ChangeSink Ignore() {
  return [](Revision, const std::vector<Change>&) {};
}

TEST(FaultStoreTest, AnInjectedFailureWritesNothing) {
  MemoryStore memory;
  FaultStore store(memory);
  ASSERT_TRUE(store.Open(Ignore()).has_value());
  store.FailCommits(1, ErrorCode::kUnavailable);
  const auto refused = store.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(store.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)}).has_value());
}

TEST(FaultStoreTest, AnUncertainCommitMayBeKept) {
  MemoryStore memory;
  FaultStore store(memory);
  ASSERT_TRUE(store.Open(Ignore()).has_value());
  store.FailCommits(1, ErrorCode::kUncertain, true);
  EXPECT_FALSE(store.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)}).has_value());
  const auto again = store.Open(Ignore());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->groups.size(), 1);
}

}  // namespace
}  // namespace target_eye
