#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "store/store_contract_test.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContractTest,
                         testing::Values(StoreBackend{"sqlite", [](const std::string& directory) {
                                                        return std::make_unique<SqliteStore>(
                                                            directory);
                                                      }}));

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return (std::stringstream() << file.rdbuf()).str();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SqliteStoreTest : public testing::Test {
 protected:
  static Store::ChangeSink Ignore() {
    return [](Revision, const std::vector<Change>&) {};
  }

  // A database with some groups, closed.
  void Fill(int groups = 50) {
    SqliteStore store(directory_);
    ASSERT_TRUE(store.Open(Ignore()).has_value());
    std::vector<GroupWrite> writes;
    for (int i = 0; i < groups; ++i) {
      writes.push_back(MakeWrite("app" + std::to_string(i), MakeGroup("host:1"), 0));
    }
    ASSERT_TRUE(store.Commit(writes).has_value());
  }

  // Opening fails with `code`, with what to do, and not a byte of the database changes.
  void ExpectRefused(ErrorCode code, const std::string& message) {
    const std::string before = ReadFile(file_);
    {
      SqliteStore store(directory_);
      const auto opened = store.Open(Ignore());
      ASSERT_FALSE(opened.has_value());
      EXPECT_EQ(opened.error().code, code);
      EXPECT_THAT(opened.error().message, HasSubstr(message));
      EXPECT_THAT(opened.error().message, HasSubstr("Nothing was changed"));
    }
    EXPECT_EQ(ReadFile(file_), before);
  }

  const TempDirectory temporary_;
  const std::string directory_ = temporary_.path();
  const std::string file_ = directory_ + "/state.db";
};

TEST_F(SqliteStoreTest, ASecondStoreOnTheDirectoryIsRefusedAndTheFirstGoesOn) {
  SqliteStore first(directory_);
  ASSERT_TRUE(first.Open(Ignore()).has_value());
  SqliteStore second(directory_);
  const auto opened = second.Open(Ignore());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kInUse);
  EXPECT_THAT(opened.error().message, HasSubstr("(process " + std::to_string(getpid()) + ")"));
  EXPECT_TRUE(first.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)}).has_value());
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsLeftAlone) {
  WriteFile(file_, std::string(8192, 'x'));
  ExpectRefused(ErrorCode::kDamaged, "is damaged");
}

TEST_F(SqliteStoreTest, AnEmptyFileIsDamageNotAFirstStart) {
  WriteFile(file_, "");
  ExpectRefused(ErrorCode::kDamaged, "is empty");
}

TEST_F(SqliteStoreTest, AMissingFileBesideItsLogIsDamage) {
  Fill();
  std::filesystem::remove(file_);
  WriteFile(file_ + "-wal", "something");
  SqliteStore store(directory_);
  const auto opened = store.Open(Ignore());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kDamaged);
  EXPECT_FALSE(std::filesystem::exists(file_));
  EXPECT_EQ(ReadFile(file_ + "-wal"), "something");
}

// SQLite leaves an empty log beside a database that it could not open.
TEST_F(SqliteStoreTest, AnEmptyLogIsNoSignOfAMissingFile) {
  WriteFile(file_ + "-wal", "");
  SqliteStore store(directory_);
  const auto opened = store.Open(Ignore());
  EXPECT_TRUE(opened.has_value()) << opened.error().message;
}

TEST_F(SqliteStoreTest, ADamagedPageIsFound) {
  Fill(500);
  std::string bytes = ReadFile(file_);
  ASSERT_GT(bytes.size(), 5 * 4096U);
  for (std::size_t i = 3 * 4096; i < 3 * 4096 + 64; ++i) {
    bytes[i] = static_cast<char>(0xff);
  }
  WriteFile(file_, bytes);
  ExpectRefused(ErrorCode::kDamaged, "is damaged");
}

TEST_F(SqliteStoreTest, ATruncatedFileIsFound) {
  Fill(500);
  const std::string bytes = ReadFile(file_);
  WriteFile(file_, bytes.substr(0, bytes.size() / 2));
  ExpectRefused(ErrorCode::kDamaged, "is damaged");
}

TEST_F(SqliteStoreTest, AnotherProgramsDatabaseIsLeftAlone) {
  {
    SqliteDatabase other;
    ASSERT_EQ(other.Open(file_, SQLITE_OPEN_CREATE), SQLITE_OK);
    ASSERT_EQ(other.Execute("CREATE TABLE t (x)"), SQLITE_OK);
  }
  ExpectRefused(ErrorCode::kDamaged, "is not a state database of target-eye");
}

TEST_F(SqliteStoreTest, ANewerSchemaIsLeftAlone) {
  Fill();
  {
    SqliteDatabase newer;
    ASSERT_EQ(newer.Open(file_, 0), SQLITE_OK);
    ASSERT_EQ(newer.Execute("PRAGMA user_version=2"), SQLITE_OK);
    ASSERT_EQ(newer.Execute("PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
  }
  ExpectRefused(ErrorCode::kTooNew, "schema version 2");
}

TEST_F(SqliteStoreTest, AGroupThatCannotBeReadIsDamage) {
  Fill();
  {
    SqliteDatabase database;
    ASSERT_EQ(database.Open(file_, 0), SQLITE_OK);
    ASSERT_EQ(database.Execute("UPDATE target_group SET json = '{' WHERE application = 'app7'"),
              SQLITE_OK);
    ASSERT_EQ(database.Execute("PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
  }
  ExpectRefused(ErrorCode::kDamaged, "\"app7\"");
}

TEST_F(SqliteStoreTest, ASymbolicLinkIsNotFollowed) {
  const std::string elsewhere = directory_ + "/elsewhere.db";
  Fill();
  std::filesystem::rename(file_, elsewhere);
  const std::string before = ReadFile(elsewhere);
  std::filesystem::create_symlink(elsewhere, file_);
  SqliteStore store(directory_);
  EXPECT_FALSE(store.Open(Ignore()).has_value());
  EXPECT_EQ(ReadFile(elsewhere), before);
}

TEST_F(SqliteStoreTest, AnInterruptedFirstStartIsStartedAnew) {
  WriteFile(file_ + ".new", "half a database");
  WriteFile(file_ + ".new-journal", "half a journal");
  SqliteStore store(directory_);
  const auto opened = store.Open(Ignore());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_FALSE(std::filesystem::exists(file_ + ".new"));
}

TEST_F(SqliteStoreTest, WhatWasCommittedSurvivesTheLossOfTheProcess) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SqliteStore store(directory_);
    if (!store.Open(Ignore()).has_value() ||
        !store.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)}).has_value()) {
      _exit(1);
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  SqliteStore store(directory_);
  const auto opened = store.Open(Ignore());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  ASSERT_EQ(opened->groups.size(), 1);
  EXPECT_EQ(opened->groups[0]->group, MakeGroup("h:1"));
}

// A file size limit stands in for a full disk: write(2) refuses past it.
TEST_F(SqliteStoreTest, WithoutRoomNothingIsWrittenAndItRecovers) {
  SqliteStore store(directory_);
  ASSERT_TRUE(store.Open(Ignore()).has_value());
  const auto first = store.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)});
  ASSERT_TRUE(first.has_value());

  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto log_size = std::filesystem::file_size(file_ + "-wal");
  const rlimit tight{.rlim_cur = log_size + 100, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const auto refused = store.Commit(std::vector{MakeWrite("b", MakeGroup("h:2"), 0)});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);

  ASSERT_FALSE(refused.has_value());
  Revision revision = *first;
  if (refused.error().code == ErrorCode::kUncertain) {
    const auto again = store.Open(Ignore());
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(again->groups.size(), 1);
    revision = again->revision;
  } else {
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  }
  const auto second = store.Commit(std::vector{MakeWrite("b", MakeGroup("h:2"), 0)});
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_GT(*second, revision);
}

}  // namespace
}  // namespace target_eye
