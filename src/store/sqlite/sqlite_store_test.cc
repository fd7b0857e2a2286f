#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "store/testing/store_contract.h"
#include "util/testing/file_size_limit.h"

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

  // Does this to the closed database, and nothing stays in its log.
  void Execute(const char* sql) {
    SqliteDatabase database;
    ASSERT_EQ(database.Open(file_, 0), SQLITE_OK);
    ASSERT_EQ(database.Execute(sql), SQLITE_OK) << database.error_message();
    ASSERT_EQ(database.Execute("PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
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

class StateDirectoryTest : public SqliteStoreTest {
 protected:
  // Opening a store in `directory` fails, and says that it cannot do that.
  static void ExpectCannot(const std::string& directory, const std::string& what) {
    SqliteStore store(directory);
    const auto opened = store.Open(Ignore());
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::kIo);
    EXPECT_THAT(opened.error().message, HasSubstr(what));
  }
};

TEST_F(StateDirectoryTest, CannotBeMadeInAFile) {
  WriteFile(directory_ + "/file", "");
  ExpectCannot(directory_ + "/file/state", "cannot make the state directory");
}

TEST_F(StateDirectoryTest, CannotBeALinkToNowhere) {
  std::filesystem::create_symlink(directory_ + "/nowhere", directory_ + "/link");
  ExpectCannot(directory_ + "/link", "cannot use the state directory");
}

TEST_F(StateDirectoryTest, CannotHaveAFolderInTheLocksPlace) {
  std::filesystem::create_directory(directory_ + "/lock");
  ExpectCannot(directory_, "cannot open " + directory_ + "/lock");
}

TEST_F(StateDirectoryTest, CannotHaveAFolderInTheNewDatabasesPlace) {
  std::filesystem::create_directory(file_ + ".new");
  ExpectCannot(directory_, "cannot make " + file_ + ".new");
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(StateDirectoryTest, CannotHaveAFolderInTheDatabasesPlace) {
  std::filesystem::create_directory(file_);
  ExpectCannot(directory_, "cannot open " + file_);
}

TEST_F(StateDirectoryTest, CannotBeWithoutRoomForADatabase) {
  const FileSizeLimit limit(100);
  ExpectCannot(directory_, "cannot make " + file_ + ".new");
  EXPECT_FALSE(std::filesystem::exists(file_));
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
  Execute("PRAGMA user_version=2");
  ExpectRefused(ErrorCode::kTooNew, "schema version 2");
}

TEST_F(SqliteStoreTest, AGroupThatCannotBeReadIsDamage) {
  Fill();
  Execute("UPDATE target_group SET json = '{' WHERE application = 'app7'");
  ExpectRefused(ErrorCode::kDamaged, "\"app7\"");
}

TEST_F(SqliteStoreTest, AMissingTableIsDamage) {
  Fill();
  Execute("DROP TABLE target_group");
  ExpectRefused(ErrorCode::kDamaged, "does not have the tables of its schema");
}

TEST_F(SqliteStoreTest, AMissingRevisionIsDamage) {
  Fill();
  Execute("DELETE FROM state");
  ExpectRefused(ErrorCode::kDamaged, "does not say its revision");
}

// The rows go through a cache that is smaller than they are: the log grows before the commit.
TEST_F(SqliteStoreTest, WithoutRoomInTheMiddleOfABatchNothingIsWritten) {
  SqliteStore store(directory_);
  ASSERT_TRUE(store.Open(Ignore()).has_value());
  std::vector<GroupWrite> writes;
  for (int i = 0; i < 3'000; ++i) {
    auto group = MakeGroup("host:1");
    group.labels["description"] = std::string(8'000, 'x');
    writes.push_back(MakeWrite("app" + std::to_string(i), group, 0));
  }
  const auto refused = [&] {
    const FileSizeLimit limit(1'000'000);
    return store.Commit(writes);
  }();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  const auto written = store.Commit(writes);
  ASSERT_TRUE(written.has_value()) << written.error().message;
  store.Close();
  const auto again = store.Open(Ignore());
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->groups.size(), writes.size());
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

TEST_F(SqliteStoreTest, WithoutRoomNothingIsWrittenAndItRecovers) {
  SqliteStore store(directory_);
  ASSERT_TRUE(store.Open(Ignore()).has_value());
  const auto first = store.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)});
  ASSERT_TRUE(first.has_value());

  const auto refused = [&] {
    const FileSizeLimit limit(std::filesystem::file_size(file_ + "-wal") + 100);
    return store.Commit(std::vector{MakeWrite("b", MakeGroup("h:2"), 0)});
  }();
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

// --- What is on the disk is no longer what is open ---

class StateLostTest : public SqliteStoreTest {
 protected:
  void SetUp() override {
    auto opened = store_.Open(Ignore());
    ASSERT_TRUE(opened.has_value());
    Commit("a");
    Commit("b");
  }

  void Commit(const std::string& application) {
    const auto write = MakeWrite(application, MakeGroup("h:1"), 0);
    const auto revision = store_.Commit(std::vector{write});
    ASSERT_TRUE(revision.has_value()) << revision.error().message;
    believed_.revision = *revision;
    believed_.groups.push_back(MakeStoredGroup(write, *revision));
  }

  // A look finds it, and so does a commit, of which nothing is kept.
  void ExpectFound(const std::string& message) {
    const auto committed = store_.Commit(std::vector{MakeWrite("c", MakeGroup("h:1"), 0)});
    ASSERT_FALSE(committed.has_value());
    EXPECT_EQ(committed.error().code, ErrorCode::kDamaged);
    EXPECT_THAT(committed.error().message, HasSubstr(message));
  }

  void ExpectMadeWhole() {
    const auto reopened = store_.Reopen(believed_, Ignore());
    ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
    EXPECT_TRUE(reopened->made_whole);
    EXPECT_EQ(reopened->snapshot.revision, 2);
    Commit("c");
    store_.Close();
    SqliteStore next(directory_);
    const auto opened = next.Open(Ignore());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(opened->revision, 3);
    EXPECT_EQ(opened->groups.size(), 3);
  }

  void ExpectNotTaken(const std::string& message) {
    const std::string before = ReadFile(file_);
    for (int i = 0; i < 2; ++i) {
      const auto reopened = store_.Reopen(believed_, Ignore());
      ASSERT_FALSE(reopened.has_value());
      EXPECT_EQ(reopened.error().code, ErrorCode::kDamaged);
      EXPECT_THAT(reopened.error().message, HasSubstr(message));
    }
    store_.Close();
    EXPECT_EQ(ReadFile(file_), before);
  }

  SqliteStore store_{directory_};
  Snapshot believed_;
};

TEST_F(StateLostTest, ALookFindsItWithoutACommit) {
  EXPECT_TRUE(store_.Check().has_value());
  std::filesystem::remove(file_);
  const auto looked = store_.Check();
  ASSERT_FALSE(looked.has_value());
  EXPECT_EQ(looked.error().code, ErrorCode::kDamaged);
  ExpectMadeWhole();
}

TEST_F(StateLostTest, ADatabaseThatWasRemovedIsMadeWhole) {
  std::filesystem::remove(file_);
  ExpectFound("state.db is gone");
  ExpectMadeWhole();
}

TEST_F(StateLostTest, ALogThatWasRemovedIsMadeWhole) {
  std::filesystem::remove(file_ + "-wal");
  ExpectFound("state.db-wal is gone");
  ExpectMadeWhole();
}

TEST_F(StateLostTest, ALogThatWasEmptiedIsMadeWhole) {
  std::filesystem::resize_file(file_ + "-wal", 0);
  ExpectFound("somebody else has written to");
  ExpectMadeWhole();
}

TEST_F(StateLostTest, ALogOfAnotherDatabaseIsPutAside) {
  const TempDirectory other;
  SqliteStore others(other.path());
  ASSERT_TRUE(others.Open(Ignore()).has_value());
  ASSERT_TRUE(others.Commit(std::vector{MakeWrite("x", MakeGroup("h:1"), 0)}).has_value());
  std::filesystem::remove(file_ + "-wal");
  std::filesystem::copy_file(other.path() + "/state.db-wal", file_ + "-wal");
  ExpectFound("state.db-wal is another file");
  ExpectMadeWhole();
  EXPECT_GT(std::filesystem::file_size(directory_ + "/put-aside-1.db-wal"), 0);
}

TEST_F(StateLostTest, ADirectoryThatWasMovedAwayIsMadeWhole) {
  std::filesystem::rename(directory_, directory_ + ".away");
  ExpectFound("state.db is gone");
  ExpectMadeWhole();
  std::filesystem::remove_all(directory_ + ".away");
}

TEST_F(StateLostTest, AnotherStateInItsPlaceIsNotTaken) {
  const TempDirectory other;
  {
    SqliteStore others(other.path());
    ASSERT_TRUE(others.Open(Ignore()).has_value());
    ASSERT_TRUE(others.Commit(std::vector{MakeWrite("a", MakeGroup("h:1"), 0)}).has_value());
    ASSERT_TRUE(others.Commit(std::vector{MakeWrite("x", MakeGroup("h:1"), 0)}).has_value());
  }
  std::filesystem::rename(other.path() + "/state.db", file_);
  std::filesystem::remove(file_ + "-wal");
  ExpectFound("state.db is another file");
  ExpectNotTaken("holds another state than the one that was open: revision 2 with 2 groups");
}

TEST_F(StateLostTest, AnotherStateUnderOurLogIsNotTaken) {
  const TempDirectory other;
  {
    SqliteStore others(other.path());
    ASSERT_TRUE(others.Open(Ignore()).has_value());
    ASSERT_TRUE(others.Commit(std::vector{MakeWrite("x", MakeGroup("h:1"), 0)}).has_value());
  }
  std::filesystem::rename(other.path() + "/state.db", file_);
  ExpectFound("state.db is another file");
  ExpectNotTaken("the log of the one before hides what is in it");
}

TEST_F(StateLostTest, AnotherStateWrittenOverItUnderOurLogIsNotTaken) {
  const TempDirectory other;
  {
    SqliteStore others(other.path());
    ASSERT_TRUE(others.Open(Ignore()).has_value());
    ASSERT_TRUE(others.Commit(std::vector{MakeWrite("x", MakeGroup("h:1"), 0)}).has_value());
  }
  const std::string theirs = ReadFile(other.path() + "/state.db");
  ASSERT_EQ(theirs.size(), std::filesystem::file_size(file_));
  WriteFile(file_, theirs);
  ExpectFound("somebody else has written to");
  ExpectNotTaken("holds another state");
}

TEST_F(StateLostTest, ALongerFileWrittenOverItUnderOurLogIsNotTaken) {
  WriteFile(file_, ReadFile(file_) + std::string(4096, '\0'));
  ExpectFound("somebody else has written to");
  ExpectNotTaken("the log of the one before hides what is in it");
}

TEST_F(StateLostTest, ItGoesOnWhereOnlyTheTimeOfTheDatabaseHasChanged) {
  std::filesystem::last_write_time(
      file_, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(1));
  ExpectFound("somebody else has written to");
  const auto reopened = store_.Reopen(believed_, Ignore());
  ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
  EXPECT_FALSE(reopened->made_whole);
  Commit("c");
}

TEST_F(StateLostTest, ItGoesOnWhereACopyOfBothFilesIsPutBack) {
  const std::string away = directory_ + ".away";
  std::filesystem::rename(directory_, away);
  ExpectFound("state.db is gone");
  std::filesystem::copy(away, directory_);
  const auto reopened = store_.Reopen(believed_, Ignore());
  ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
  EXPECT_FALSE(reopened->made_whole);
  Commit("c");
  std::filesystem::remove_all(away);
}

TEST_F(StateLostTest, AnOlderStateWrittenOverItIsNotTaken) {
  const TempDirectory other;
  {
    SqliteStore(other.path()).Open(Ignore());
  }
  WriteFile(file_, ReadFile(other.path() + "/state.db"));
  std::filesystem::remove(file_ + "-wal");
  ExpectFound("somebody else has written to");
  ExpectNotTaken("holds another state");
}

TEST_F(StateLostTest, DamageBySomebodyElseIsNotTaken) {
  std::string damaged = ReadFile(file_);
  damaged.replace(0, 19, "this is no database");
  WriteFile(file_, damaged);
  ExpectFound("somebody else has written to");
  ExpectNotTaken("written again from memory");
}

TEST_F(StateLostTest, TheStateGoesOnWhereItIsPutBack) {
  const std::string away = directory_ + "/away";
  std::filesystem::rename(file_, away);
  WriteFile(file_, "something else");
  ExpectFound("state.db is another file");
  ASSERT_FALSE(store_.Reopen(believed_, Ignore()).has_value());
  std::filesystem::rename(away, file_);
  const auto reopened = store_.Reopen(believed_, Ignore());
  ASSERT_TRUE(reopened.has_value()) << reopened.error().message;
  EXPECT_FALSE(reopened->made_whole);
  Commit("c");
}

TEST_F(StateLostTest, AStopLeavesSomebodyElsesDatabaseAsItIs) {
  WriteFile(file_, std::string(8192, 'x'));
  store_.Close();
  EXPECT_EQ(ReadFile(file_), std::string(8192, 'x'));
}

TEST_F(StateLostTest, WhatIsPutAsideHasABound) {
  for (int number = 1; number <= StatePlace::kMostPutAside; ++number) {
    WriteFile(fmt::format("{}/put-aside-{}.db", directory_, number), "");
  }
  std::filesystem::remove(file_ + "-wal");
  ExpectFound("state.db-wal is gone");
  ExpectNotTaken("10 states were put aside in");
}

TEST_F(StateLostTest, ASecondStoreIsKeptOutWhateverIsRemoved) {
  const auto expect_refused = [this] {
    SqliteStore second(directory_);
    const auto opened = second.Open(Ignore());
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::kInUse);
    EXPECT_THAT(opened.error().message, HasSubstr("(process " + std::to_string(getpid()) + ")"));
  };
  std::filesystem::remove(directory_ + "/lock");
  expect_refused();
  std::filesystem::remove(file_);
  expect_refused();
  std::filesystem::remove_all(directory_);
  expect_refused();
  ExpectMadeWhole();
}

}  // namespace
}  // namespace target_eye
