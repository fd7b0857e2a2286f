#include <gmock/gmock.h>

#include <chrono>
#include <optional>
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
  void Arm(int number) { vfs_.Fail(GetParam().operation, number, GetParam().result); }

  // Opens it where nothing fails, and gives the applications of its groups.
  static std::vector<std::string> Applications(const std::string& directory) {
    RecordingSink sink;
    SqliteStore store(directory);
    const auto opened = store.Open(sink);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    std::vector<std::string> applications;
    for (const auto& [key, group] : sink.groups()) applications.push_back(key.application);
    return applications;
  }

  static std::optional<Error> Make(Store& store, const std::string& application) {
    return CommitOne(store, MakeWrite(application, MakeGroup("h:1"), nullptr)).error;
  }

  // At once, or after it was opened again, which is what the other codes ask for.
  static void ExpectWritable(SqliteStore& store) {
    if (const auto error = Make(store, "new")) {
      EXPECT_NE(error->code, ErrorCode::kUnavailable) << error->message;
      store.Tend(SystemClock().Now() + std::chrono::hours(1));
      const auto again = Make(store, "new");
      EXPECT_FALSE(again.has_value()) << again->message;
    }
  }

  FailingVfs vfs_;
};

TEST_P(SqliteFailureTest, AtTheFirstStartLeavesNothingHalfMade) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    const TempDirectory directory;
    RecordingSink sink;
    SqliteStore store(directory.path());
    Arm(number);
    const auto opened = store.Open(sink);
    failed = vfs_.TakeFailed();
    store.Close();
    EXPECT_THAT(Applications(directory.path()), testing::IsEmpty()) << number;
  }
}

TEST_P(SqliteFailureTest, AtAStartLosesNothing) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    const TempDirectory directory;
    RecordingSink sink;
    {
      SqliteStore store(directory.path());
      ASSERT_TRUE(store.Open(sink).has_value());
      ASSERT_FALSE(Make(store, "old").has_value());
    }
    SqliteStore store(directory.path());
    Arm(number);
    const auto opened = store.Open(sink);
    failed = vfs_.TakeFailed();
    EXPECT_TRUE(!opened || sink.groups().size() == 1) << number;
    if (opened) ExpectWritable(store);
    store.Close();
    EXPECT_THAT(Applications(directory.path()), testing::Contains("old")) << number;
  }
}

TEST_P(SqliteFailureTest, InACommitIsToldAsItIs) {
  bool failed = true;
  for (int number = 1; failed; ++number) {
    const TempDirectory directory;
    RecordingSink sink;
    SqliteStore store(directory.path());
    ASSERT_TRUE(store.Open(sink).has_value());
    std::vector<GroupWrite> writes;
    for (int i = 0; i < 40; ++i) {
      writes.push_back(MakeWrite("app" + std::to_string(i), MakeGroup("h:1"), nullptr));
    }
    Arm(number);
    const auto committed = Commit(store, writes);
    failed = vfs_.TakeFailed();
    store.Close();
    const std::size_t found = Applications(directory.path()).size();
    SCOPED_TRACE(number);
    const auto& error = committed.written.at(0).error;
    for (const auto& written : committed.written) EXPECT_EQ(written.error, error);
    EXPECT_EQ(sink.failure(), error) << "the sink is told, too";
    if (!error) {
      EXPECT_EQ(found, writes.size());
    } else if (error->code != ErrorCode::kUncertain) {
      EXPECT_EQ(found, 0) << error->message;
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
    RecordingSink sink;
    SqliteStore store(directory.path());
    ASSERT_TRUE(store.Open(sink).has_value());
    ASSERT_FALSE(Make(store, "old").has_value());
    Arm(number);
    const auto error = Make(store, "more");
    failed = vfs_.TakeFailed();
    testing::internal::CaptureStderr();
    store.Tend(SystemClock().Now() + std::chrono::hours(1));
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "nothing was written from memory";
    EXPECT_FALSE(sink.failure().has_value()) << sink.failure()->message;
    const bool was_lost = error && error->code != ErrorCode::kUnavailable;
    EXPECT_EQ(sink.snapshots(), was_lost ? 2 : 1);
    EXPECT_FALSE(Make(store, "new").has_value());
    store.Close();
    EXPECT_THAT(Applications(directory.path()), testing::IsSupersetOf({"old", "new"}));
  }
}

// What cannot be read may be damaged: all of it is read again, instead of trying for ever.
TEST(SqliteReadFailureTest, InACommitHasAllOfItReadAgain) {
  FailingVfs vfs;
  const TempDirectory directory;
  RecordingSink sink;
  SqliteStore store(directory.path());
  ASSERT_TRUE(store.Open(sink).has_value());
  std::vector<GroupWrite> writes;
  for (int i = 0; i < 3'000; ++i) {
    TargetGroup group = MakeGroup("h:1");
    group.labels["text"] = std::string(5'000, 'x');  // More than SQLite keeps in memory.
    writes.push_back(MakeWrite("app" + std::to_string(i), group, nullptr));
  }
  Commit(store, std::move(writes));
  vfs.Fail(FailingVfs::Operation::kRead, 1, SQLITE_IOERR_READ);
  const auto written = CommitOne(store, MakeWrite("app7", MakeGroup("h:2"), sink.Find("app7")));
  ASSERT_TRUE(vfs.TakeFailed());
  ASSERT_TRUE(written.error.has_value());
  EXPECT_EQ(written.error->code, ErrorCode::kDamaged);
  store.Tend(SystemClock().Now());
  EXPECT_EQ(sink.snapshots(), 2);
  EXPECT_FALSE(sink.failure().has_value());
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
