#include "store/testing/memory_store.h"

#include "store/testing/store_contract.h"

namespace target_eye {
namespace {

// Stores of one directory share one backend.
StoreBackend Backend(const std::string& name, Revision first, Store::Limits limits) {
  using Backends = std::map<std::string, std::shared_ptr<MemoryBackend>>;
  const auto backends = std::make_shared<Backends>();
  return {.name = name,
          .make =
              [=](const std::string& directory) {
                auto& backend = (*backends)[directory];
                if (!backend) backend = std::make_shared<MemoryBackend>(first);
                return std::make_unique<MemoryStore>(backend, limits);
              },
          .is_shared = true,
          .break_feed = [](Store& store,
                           const std::string&) { dynamic_cast<MemoryStore&>(store).BreakFeed(); },
          .hold_feed =
              [](Store& store, bool is_held) {
                auto& memory = dynamic_cast<MemoryStore&>(store);
                is_held ? memory.HoldFeed() : memory.ReleaseFeed();
              }};
}

const auto kBackends =
    testing::Values(Backend("Memory", 0, {}),
                    Backend("MemoryFromALaterRevision", 1'000'000, {.writes = 16, .bytes = 2'000}));

std::string NameOf(const testing::TestParamInfo<StoreBackend>& backend) {
  return backend.param.name;
}

INSTANTIATE_TEST_SUITE_P(All, StoreContractTest, kBackends, NameOf);
INSTANTIATE_TEST_SUITE_P(All, SharedStoreContractTest, kBackends, NameOf);

TEST(MemoryStoreTest, MoreThanItsLimitsIsRefusedWhole) {
  MemoryStore store(std::make_shared<MemoryBackend>(), {.writes = 2, .bytes = 1'000});
  RecordingSink sink;
  ASSERT_TRUE(store.Open(sink).has_value());
  TargetGroup large = MakeGroup("h:1");
  large.labels["text"] = std::string(1'000, 'x');
  for (const std::vector<GroupWrite>& writes :
       {std::vector{MakeWrite("a", MakeGroup("h:1"), nullptr),
                    MakeWrite("b", MakeGroup("h:1"), nullptr),
                    MakeWrite("c", MakeGroup("h:1"), nullptr)},
        std::vector{MakeWrite("a", large, nullptr)}}) {
    for (const auto& written : Commit(store, writes).written) {
      ASSERT_TRUE(written.error.has_value());
      EXPECT_EQ(written.error->code, ErrorCode::kInvalid);
    }
  }
  EXPECT_TRUE(sink.changes().empty());
}

}  // namespace
}  // namespace target_eye
