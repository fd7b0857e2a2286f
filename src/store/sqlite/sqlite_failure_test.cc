#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "store/sqlite/sqlite_store.h"
#include "store/testing/failing_vfs.h"
#include "store/testing/store_contract.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

struct Failure {
  std::string name;
  FailingVfs::Operation operation;
  int result;
};

// One operation on a file of the database's fails; afterwards all is well again.
class SqliteFailureTest : public testing::TestWithParam<Failure> {
 protected:
  static Store::ChangeSink Ignore() {
    return [](Revision, const std::vector<Change>&) {};
  }

  void Arm(int number) { vfs_.Fail(GetParam().operation, number, GetParam().result); }

  // Opens it where nothing fails, and gives the applications of its groups.
  static std::vector<std::string> Applications(const std::string& directory) {
    SqliteStore store(directory);
    const auto opened = store.Open(Ignore());
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    std::vector<std::string> applications;
    if (!opened) return applications;
    for (const StoredGroupPtr& group : opened->groups)
      applications.push_back(group->key.application);
    return applications;
  }

  // At once, or after it was opened again, which is what the other codes ask for.
  static void ExpectWritable(SqliteStore& store) {
    const std::vector<GroupWrite> writes{MakeWrite("new", MakeGroup("h:1"), 0)};
    auto committed = store.Commit(writes);
    if (!committed) {
      EXPECT_THAT(committed.error().code,
                  testing::AnyOf(ErrorCode::kUncertain, ErrorCode::kDamaged))
          << committed.error().message;
      ASSERT_TRUE(store.Open(Ignore()).has_value());
      committed = store.Commit(writes);
    }
    EXPECT_TRUE(committed.has_value()) << committed.error().message;
  }

  FailingVfs vfs_;
};

TEST_P(SqliteFailureTest, AtTheFirstStartLeavesNothingHalfMade) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    const TempDirectory directory;
    SqliteStore store(directory.path());
    Arm(number);
    const auto opened = store.Open(Ignore());
    failed = vfs_.TakeFailed();
    store.Close();
    EXPECT_THAT(Applications(directory.path()), testing::IsEmpty()) << number;
  }
}

TEST_P(SqliteFailureTest, AtAStartLosesNothing) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    const TempDirectory directory;
    {
      SqliteStore store(directory.path());
      ASSERT_TRUE(store.Open(Ignore()).has_value());
      ASSERT_TRUE(store.Commit(std::vector{MakeWrite("old", MakeGroup("h:1"), 0)}).has_value());
      store.Close();
    }
    SqliteStore store(directory.path());
    Arm(number);
    const auto opened = store.Open(Ignore());
    failed = vfs_.TakeFailed();
    EXPECT_TRUE(!opened || opened->groups.size() == 1) << number;
    if (opened) ExpectWritable(store);
    store.Close();
    EXPECT_THAT(Applications(directory.path()), testing::Contains("old")) << number;
  }
}

TEST_P(SqliteFailureTest, InACommitIsToldAsItIs) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    const TempDirectory directory;
    SqliteStore store(directory.path());
    ASSERT_TRUE(store.Open(Ignore()).has_value());
    std::vector<GroupWrite> writes;
    for (int i = 0; i < 40; ++i) {
      writes.push_back(MakeWrite("app" + std::to_string(i), MakeGroup("h:1"), 0));
    }
    Arm(number);
    const auto committed = store.Commit(writes);
    failed = vfs_.TakeFailed();
    store.Close();
    const std::size_t found = Applications(directory.path()).size();
    SCOPED_TRACE(number);
    if (committed) {
      EXPECT_EQ(found, writes.size());
    } else if (committed.error().code != ErrorCode::kUncertain) {
      EXPECT_EQ(found, 0) << committed.error().message;
    } else {
      EXPECT_THAT(found, testing::AnyOf(0, writes.size()));
    }
  }
}

// Whatever failed, and whatever was answered, it goes on from what was told: with the commit under
// way or without it, and with nothing but that.
TEST_P(SqliteFailureTest, InACommitIsGotOver) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    SCOPED_TRACE(number);
    const TempDirectory directory;
    SqliteStore store(directory.path());
    ASSERT_TRUE(store.Open(Ignore()).has_value());
    ASSERT_TRUE(store.Commit(std::vector{MakeWrite("old", MakeGroup("h:1"), 0)}).has_value());
    Snapshot believed{.revision = 1, .groups = {}};
    believed.groups.push_back(MakeStoredGroup(MakeWrite("old", MakeGroup("h:1"), 0), 1));
    Arm(number);
    const auto committed = store.Commit(std::vector{MakeWrite("more", MakeGroup("h:1"), 0)});
    failed = vfs_.TakeFailed();
    const bool is_open = committed || committed.error().code == ErrorCode::kUnavailable;
    if (!is_open) {
      const auto reopened = store.Reopen(believed, Ignore());
      ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
      EXPECT_FALSE(reopened->made_whole);
    }
    EXPECT_TRUE(store.Check().has_value());
    EXPECT_TRUE(store.Commit(std::vector{MakeWrite("new", MakeGroup("h:1"), 0)}).has_value());
    store.Close();
    EXPECT_THAT(Applications(directory.path()), testing::IsSupersetOf({"old", "new"}));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, SqliteFailureTest,
    testing::Values(Failure{"Open", FailingVfs::Operation::kOpen, SQLITE_READONLY},
                    Failure{"Read", FailingVfs::Operation::kRead, SQLITE_IOERR_READ},
                    Failure{"Write", FailingVfs::Operation::kWrite, SQLITE_IOERR_WRITE},
                    Failure{"NoRoom", FailingVfs::Operation::kWrite, SQLITE_FULL},
                    Failure{"Corrupt", FailingVfs::Operation::kWrite, SQLITE_CORRUPT},
                    Failure{"Sync", FailingVfs::Operation::kSync, SQLITE_IOERR_FSYNC},
                    Failure{"Truncate", FailingVfs::Operation::kTruncate, SQLITE_IOERR_TRUNCATE}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace target_eye
