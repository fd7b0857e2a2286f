#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "util/testing/temp_directory.h"

namespace target_eye {

// What every Store does, as tests (store_contract_test.cc). A backend's own test instantiates this
// suite with a factory. Called with the same (temporary) directory, the factory returns a store on
// the same data.
struct StoreBackend {
  std::string name;
  std::function<std::unique_ptr<Store>(const std::string& directory)> open;
};

inline TargetGroup MakeGroup(const std::string& target, const std::string& job = "j") {
  return {{Target::FromStored(target)}, {{"env", "e"}, {"job", job}}};
}

inline GroupWrite MakeWrite(const std::string& application, std::optional<TargetGroup> group,
                            Revision expected, const std::string& environment = "e") {
  return {{application, environment}, std::move(group), expected, "127.0.0.1:1", 1'700'000'000'000};
}

class StoreContractTest : public testing::TestWithParam<StoreBackend> {
 protected:
  void SetUp() override { store_ = GetParam().open(directory_); }
  void TearDown() override { store_.reset(); }

  Store::ChangeSink Sink() {
    return [this](Revision revision, std::vector<Change> changes) {
      EXPECT_GT(revision, told_revision_) << "revisions only rise";
      told_revision_ = revision;
      for (Change& change : changes) {
        EXPECT_EQ(change.revision, revision);
        told_.push_back(std::move(change));
      }
    };
  }

  Snapshot Open() {
    auto snapshot = store_->Open(Sink());
    EXPECT_TRUE(snapshot.has_value()) << snapshot.error().message;
    return snapshot ? *snapshot : Snapshot{};
  }

  // Closes, and opens the same data with a new object.
  Snapshot Reopen() {
    store_->Close();
    store_.reset();
    store_ = GetParam().open(directory_);
    return Open();
  }

  Revision Commit(const std::vector<GroupWrite>& writes) {
    auto revision = store_->Commit(writes);
    EXPECT_TRUE(revision.has_value()) << revision.error().message;
    return revision.value_or(-1);
  }

  static std::map<std::string, std::string> ByKey(const Snapshot& snapshot) {
    std::map<std::string, std::string> groups;
    for (const auto& group : snapshot.groups) {
      groups[group->key.application + "/" + group->key.environment] = group->json;
    }
    return groups;
  }

  const TempDirectory temporary_;
  const std::string directory_ = temporary_.path();
  std::unique_ptr<Store> store_;
  std::vector<Change> told_;
  Revision told_revision_ = 0;
};

}  // namespace target_eye
