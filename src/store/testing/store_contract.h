#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "store/testing/recording_sink.h"
#include "util/testing/temp_directory.h"

namespace target_eye {

// What every Store does, as tests (store_contract_test.cc). A backend's own test instantiates
// StoreContractTest, and SharedStoreContractTest too if several processes may share its data.
struct StoreBackend {
  std::string name;
  // A store on the same data each time it is called with the same (temporary) directory.
  std::function<std::unique_ptr<Store>(const std::string& directory)> make;
  // Whether several stores may be open on the same data; if not, the second one is kInUse.
  bool is_shared = false;
  // Has the feed of an open store begin again with a snapshot, at the next Tend at the latest.
  std::function<void(Store& store, const std::string& directory)> break_feed;
  // Holds back what the store tells, or tells it. For stores that are shared.
  std::function<void(Store& store, bool is_held)> hold_feed = {};

  friend void PrintTo(const StoreBackend& backend, std::ostream* out) { *out << backend.name; }
};

inline TargetGroup MakeGroup(const std::string& target, const std::string& job = "j") {
  return {{Target::FromStored(target)}, {{"env", "e"}, {"job", job}}};
}

inline Origin MakeOrigin(Cause cause = Cause::kClient) {
  return {.who = "127.0.0.1:1", .when_ms = 1'700'000'000'000, .cause = cause};
}

inline GroupWrite MakeWrite(const std::string& application, const std::optional<TargetGroup>& group,
                            StoredGroupPtr before, const std::string& environment = "e") {
  return {.key = {application, environment},
          .group = group ? std::optional(GroupText(*group)) : std::nullopt,
          .before = std::move(before),
          .origin = MakeOrigin()};
}

inline GroupWrite InSet(int set, GroupWrite write) {
  write.set = set;
  return write;
}

// The same group as another writer may have seen it.
inline StoredGroupPtr AtRevision(const StoredGroupPtr& group, Revision revision) {
  auto other = std::make_shared<StoredGroup>(*group);
  other->revision = revision;
  return other;
}

struct Committed {
  Revision revision = 0;
  std::vector<Store::Written> written;
};

// What is not done by then never will be.
inline constexpr std::chrono::seconds kLongEnough{60};

inline std::future<Committed> BeginCommit(Store& store, std::vector<GroupWrite> writes,
                                          Store::Ticket ticket = nullptr) {
  std::promise<Committed> promise;
  auto committed = promise.get_future();
  store.Commit(std::move(writes), SystemClock().Now() + kLongEnough, std::move(ticket),
               [promise = std::move(promise)](Revision revision,
                                              std::vector<Store::Written> written) mutable {
                 promise.set_value({revision, std::move(written)});
               });
  return committed;
}

inline Committed Commit(Store& store, std::vector<GroupWrite> writes,
                        Store::Ticket ticket = nullptr) {
  return BeginCommit(store, std::move(writes), std::move(ticket)).get();
}

// Of one write.
inline Store::Written CommitOne(Store& store, GroupWrite write) {
  std::vector<GroupWrite> writes;
  writes.push_back(std::move(write));
  return Commit(store, std::move(writes)).written.at(0);
}

class StoreContractTest : public testing::TestWithParam<StoreBackend> {
 protected:
  void SetUp() override { store_ = GetParam().make(directory_); }
  void TearDown() override { store_.reset(); }

  void Open() {
    const int before = sink_.snapshots();
    const auto opened = store_->Open(sink_);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    sink_.AwaitSnapshots(before + 1);
  }

  // Closes, and opens what is on the same data with a new object.
  void Reopen() {
    store_->Close();
    store_.reset();
    store_ = GetParam().make(directory_);
    Open();
  }

  // All are written.
  Revision Write(std::vector<GroupWrite> writes, Store::Ticket ticket = nullptr) {
    auto committed = Commit(*store_, std::move(writes), std::move(ticket));
    for (const Store::Written& written : committed.written) {
      EXPECT_FALSE(written.error.has_value()) << written.error->message;
    }
    return committed.revision;
  }
  // One is, on what the sink was told.
  Revision Write(const std::string& application, std::optional<TargetGroup> group) {
    return Write({MakeWrite(application, std::move(group), sink_.Find(application))});
  }

  void ExpectConflict(GroupWrite write) {
    const StoredGroupPtr now = sink_.Find(write.key.application);
    const auto written = CommitOne(*store_, std::move(write));
    ASSERT_TRUE(written.error.has_value());
    EXPECT_EQ(written.error->code, ErrorCode::kConflict);
    EXPECT_TRUE(IsSame(written.group, now));
  }

  const TempDirectory temporary_;
  const std::string directory_ = temporary_.path();
  RecordingSink sink_;
  std::unique_ptr<Store> store_;
};

// Two stores on the same data.
class SharedStoreContractTest : public StoreContractTest {
 protected:
  void SetUp() override {
    StoreContractTest::SetUp();
    other_ = GetParam().make(directory_);
  }
  void TearDown() override {
    other_.reset();
    StoreContractTest::TearDown();
  }

  void OpenBoth() {
    Open();
    ASSERT_TRUE(other_->Open(other_sink_).has_value());
    other_sink_.AwaitSnapshots(1);
  }

  RecordingSink other_sink_;
  std::unique_ptr<Store> other_;
};

}  // namespace target_eye
