#include "store/testing/memory_store.h"

#include "store/testing/store_contract.h"

namespace target_eye {
namespace {

// Another object on the same data, as a backend on disk gives it.
class SharedMemoryStore : public Store {
 public:
  explicit SharedMemoryStore(std::shared_ptr<MemoryStore> store) : store_(std::move(store)) {}
  Expected<Snapshot> Open(ChangeSink sink) override { return store_->Open(std::move(sink)); }
  Expected<Reopened> Reopen(const Snapshot& believed, ChangeSink sink) override {
    return store_->Reopen(believed, std::move(sink));
  }
  Expected<void> Check() override { return store_->Check(); }
  Expected<Revision> Commit(std::span<const GroupWrite> writes) override {
    return store_->Commit(writes);
  }
  void Close() override { store_->Close(); }

 private:
  std::shared_ptr<MemoryStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContractTest,
                         testing::Values(StoreBackend{
                             "memory", [](const std::string& directory) {
                               static std::map<std::string, std::shared_ptr<MemoryStore>> stores;
                               auto& store = stores[directory];
                               if (!store) {
                                 store = std::make_shared<MemoryStore>();
                               }
                               return std::make_unique<SharedMemoryStore>(store);
                             }}));

}  // namespace
}  // namespace target_eye
