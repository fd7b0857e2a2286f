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

// One process has the data for itself, and is told of what it wrote before Commit returns.
INSTANTIATE_TEST_SUITE_P(All, StoreContractTest,
                         testing::Values(StoreBackend{
                             .name = "Sqlite",
                             .make =
                                 [](const std::string& directory) {
                                   return std::make_unique<SqliteStore>(directory);
                                 },
                             .is_shared = false,
                             .break_feed =
                                 [](Store&, const std::string& directory) {
                                   std::filesystem::remove(directory + "/state.db");
                                 }}),
                         [](const auto& backend) { return backend.param.name; });

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return (std::stringstream() << file.rdbuf()).str();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SqliteStoreTest : public testing::Test {
 protected:
  // A database with some groups, closed.
  void Fill(int groups = 50) {
    SqliteStore store(directory_);
    ASSERT_TRUE(store.Open(sink_).has_value());
    std::vector<GroupWrite> writes;
    for (int i = 0; i < groups; ++i) {
      writes.push_back(MakeWrite("app" + std::to_string(i), MakeGroup("host:1"), nullptr));
    }
    ASSERT_FALSE(FirstError(Commit(store, writes)).has_value());
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
      const auto opened = store.Open(sink_);
      ASSERT_FALSE(opened.has_value());
      EXPECT_EQ(opened.error().code, code);
      EXPECT_THAT(opened.error().message, HasSubstr(message));
      EXPECT_THAT(opened.error().message, HasSubstr("Nothing was changed"));
    }
    EXPECT_EQ(ReadFile(file_), before);
  }

  // What is wrong with the first write that was not written.
  static std::optional<Error> FirstError(const Committed& committed) {
    for (const auto& written : committed.written) {
      if (written.error) return written.error;
    }
    return std::nullopt;
  }

  // Makes one group.
  static std::optional<Error> Make(Store& store, const std::string& application) {
    return CommitOne(store, MakeWrite(application, MakeGroup("h:1"), nullptr)).error;
  }

  const TempDirectory temporary_;
  const std::string directory_ = temporary_.path();
  const std::string file_ = directory_ + "/state.db";
  RecordingSink sink_;
};

TEST_F(SqliteStoreTest, ASecondStoreOnTheDirectoryIsRefusedAndTheFirstGoesOn) {
  SqliteStore first(directory_);
  ASSERT_TRUE(first.Open(sink_).has_value());
  SqliteStore second(directory_);
  RecordingSink second_sink;
  const auto opened = second.Open(second_sink);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kInUse);
  EXPECT_THAT(opened.error().message, HasSubstr("(process " + std::to_string(getpid()) + ")"));
  EXPECT_FALSE(Make(first, "a").has_value());
}

class StateDirectoryTest : public SqliteStoreTest {
 protected:
  // Opening a store in `directory` fails, and says that it cannot do that.
  static void ExpectCannot(const std::string& directory, const std::string& what) {
    SqliteStore store(directory);
    RecordingSink sink;
    const auto opened = store.Open(sink);
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
  const auto opened = store.Open(sink_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kDamaged);
  EXPECT_FALSE(std::filesystem::exists(file_));
  EXPECT_EQ(ReadFile(file_ + "-wal"), "something");
}

// SQLite leaves an empty log beside a database that it could not open.
TEST_F(SqliteStoreTest, AnEmptyLogIsNoSignOfAMissingFile) {
  WriteFile(file_ + "-wal", "");
  SqliteStore store(directory_);
  const auto opened = store.Open(sink_);
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
  Execute("PRAGMA user_version=3");
  ExpectRefused(ErrorCode::kTooNew, "schema version 3, and this target-eye knows versions up to 2");
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
  ASSERT_TRUE(store.Open(sink_).has_value());
  std::vector<GroupWrite> writes;
  for (int i = 0; i < 3'000; ++i) {
    auto group = MakeGroup("host:1");
    group.labels["description"] = std::string(8'000, 'x');
    writes.push_back(MakeWrite("app" + std::to_string(i), group, nullptr));
  }
  const auto refused = [&] {
    const FileSizeLimit limit(1'000'000);
    return Commit(store, writes);
  }();
  for (const auto& written : refused.written) {
    ASSERT_TRUE(written.error.has_value());
    ASSERT_EQ(written.error->code, ErrorCode::kUnavailable);
  }
  ASSERT_TRUE(sink_.failure().has_value());
  EXPECT_EQ(sink_.failure()->code, ErrorCode::kUnavailable);
  const auto error = FirstError(Commit(store, writes));
  ASSERT_FALSE(error.has_value()) << error->message;
  EXPECT_FALSE(sink_.failure().has_value());
  store.Close();
  ASSERT_TRUE(store.Open(sink_).has_value());
  EXPECT_EQ(sink_.groups().size(), writes.size());
}

// 40 commits of 1 MB: the log is moved into the database on the way, and nobody is suspected of it.
TEST_F(SqliteStoreTest, TheLogStaysShort) {
  SqliteStore store(directory_);
  ASSERT_TRUE(store.Open(sink_).has_value());
  auto group = MakeGroup("host:1");
  for (int commit = 0; commit < 40; ++commit) {
    std::vector<GroupWrite> writes;
    group.labels["description"] = std::string(8'000, static_cast<char>('a' + commit % 26));
    for (int i = 0; i < 125; ++i) {
      const auto name = "app" + std::to_string(i);
      writes.push_back(MakeWrite(name, group, commit == 0 ? nullptr : sink_.Find(name)));
    }
    const auto error = FirstError(Commit(store, writes));
    ASSERT_FALSE(error.has_value()) << error->message;
    store.Tend(SystemClock().Now() + std::chrono::seconds(2));
    ASSERT_FALSE(sink_.failure().has_value()) << sink_.failure()->message;
  }
  EXPECT_LT(std::filesystem::file_size(file_ + "-wal"), 10'000'000U);
  store.Close();
  ASSERT_TRUE(store.Open(sink_).has_value());
  EXPECT_EQ(sink_.groups().size(), 125U);
}

TEST_F(SqliteStoreTest, ASymbolicLinkIsNotFollowed) {
  const std::string elsewhere = directory_ + "/elsewhere.db";
  Fill();
  std::filesystem::rename(file_, elsewhere);
  const std::string before = ReadFile(elsewhere);
  std::filesystem::create_symlink(elsewhere, file_);
  SqliteStore store(directory_);
  EXPECT_FALSE(store.Open(sink_).has_value());
  EXPECT_EQ(ReadFile(elsewhere), before);
}

TEST_F(SqliteStoreTest, AnInterruptedFirstStartIsStartedAnew) {
  WriteFile(file_ + ".new", "half a database");
  WriteFile(file_ + ".new-journal", "half a journal");
  SqliteStore store(directory_);
  const auto opened = store.Open(sink_);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_FALSE(std::filesystem::exists(file_ + ".new"));
}

TEST_F(SqliteStoreTest, WhatWasCommittedSurvivesTheLossOfTheProcess) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    SqliteStore store(directory_);
    if (!store.Open(sink_).has_value() || Make(store, "a")) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  SqliteStore store(directory_);
  const auto opened = store.Open(sink_);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  ASSERT_EQ(sink_.groups().size(), 1);
  EXPECT_EQ(sink_.Find("a")->text.Decode(), MakeGroup("h:1"));
}

TEST_F(SqliteStoreTest, WithoutRoomNothingIsWrittenAndItRecovers) {
  SqliteStore store(directory_);
  ASSERT_TRUE(store.Open(sink_).has_value());
  ASSERT_FALSE(Make(store, "a").has_value());
  const auto refused = [&] {
    const FileSizeLimit limit(std::filesystem::file_size(file_ + "-wal") + 100);
    return Make(store, "b");
  }();
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->code, testing::AnyOf(ErrorCode::kUnavailable, ErrorCode::kUncertain))
      << refused->message;
  ASSERT_TRUE(sink_.failure().has_value());
  store.Tend(SystemClock().Now() + std::chrono::hours(1));
  EXPECT_FALSE(sink_.failure().has_value()) << "a look finds that there is room again";
  EXPECT_EQ(sink_.groups().size(), 1);
  const auto error = Make(store, "b");
  EXPECT_FALSE(error.has_value()) << error->message;
}

// The clock goes on by a second each time it is asked.
class SteppingClock : public Clock {
 public:
  SteadyTime Now() const override { return SteadyTime(std::chrono::seconds(++seconds_)); }
  WallTime WallNow() const override { return {}; }

 private:
  mutable int seconds_ = 0;
};

TEST_F(SqliteStoreTest, ADeadlineThatPassesBeforeTheLastStepLeavesNothingBehind) {
  const SteppingClock clock;
  SqliteStore store(directory_, clock);
  ASSERT_TRUE(store.Open(sink_).has_value());
  const auto commit_until = [&](SteadyTime deadline) {
    std::optional<Error> error;
    store.Commit({MakeWrite("a", MakeGroup("h:1"), nullptr)}, deadline, nullptr,
                 [&](Revision, const auto& written) { error = written.at(0).error; });
    return error;
  };
  // The first time that it looks it is not too late yet.
  const auto late = commit_until(clock.Now() + std::chrono::seconds(2));
  ASSERT_TRUE(late.has_value());
  EXPECT_EQ(late->code, ErrorCode::kUnavailable);
  EXPECT_THAT(late->message, HasSubstr("took too long"));
  EXPECT_TRUE(sink_.groups().empty());
  EXPECT_FALSE(commit_until(clock.Now() + std::chrono::seconds(100)).has_value());
  EXPECT_FALSE(sink_.failure().has_value());
}

TEST_F(SqliteStoreTest, ALookIsDueEverySecondAndDoesNothingBefore) {
  SqliteStore store(directory_);
  ASSERT_TRUE(store.Open(sink_).has_value());
  const SteadyTime now = SystemClock().Now() + std::chrono::hours(1);
  EXPECT_EQ(store.Tend(now), now + std::chrono::seconds(1));
  std::filesystem::remove(file_);
  EXPECT_EQ(store.Tend(now + std::chrono::milliseconds(999)), now + std::chrono::seconds(1));
  EXPECT_EQ(sink_.snapshots(), 1);
  store.Tend(now + std::chrono::seconds(1));
  EXPECT_EQ(sink_.snapshots(), 2);
}

// --- What is on the disk is no longer what is open ---

class StateLostTest : public SqliteStoreTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.Open(sink_).has_value());
    Write("a");
    Write("b");
  }

  void Write(const std::string& application) {
    const auto error = Make(store_, application);
    ASSERT_FALSE(error.has_value()) << error->message;
  }

  // Whatever is due, however long it takes until it is.
  void Tend() {
    now_ += std::chrono::hours(1);
    store_.Tend(now_);
  }

  // A commit finds it, and nothing of it is kept.
  void ExpectFound(const std::string& message) {
    const auto error = Make(store_, "c");
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code, ErrorCode::kDamaged);
    EXPECT_THAT(error->message, HasSubstr(message));
    EXPECT_EQ(sink_.failure(), error);
  }

  // Opened again, as it was told.
  void ExpectGoesOn() {
    EXPECT_EQ(OpenAgain(), "");
    Write("c");
  }

  void ExpectMadeWhole() {
    EXPECT_THAT(OpenAgain(), HasSubstr("written again from memory"));
    EXPECT_EQ(sink_.revision(), 2);
    Write("c");
    store_.Close();
    SqliteStore next(directory_);
    const auto opened = next.Open(sink_);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    EXPECT_EQ(sink_.revision(), 3);
    EXPECT_EQ(sink_.groups().size(), 3);
  }

  void ExpectNotTaken(const std::string& message) {
    const std::string before = ReadFile(file_);
    for (int i = 0; i < 2; ++i) {
      Tend();
      ExpectStillLost(message);
    }
    store_.Close();
    EXPECT_EQ(ReadFile(file_), before);
  }

  void ExpectStillLost(const std::string& message) {
    ASSERT_TRUE(sink_.failure().has_value());
    EXPECT_EQ(sink_.failure()->code, ErrorCode::kDamaged);
    EXPECT_THAT(sink_.failure()->message, HasSubstr(message));
    EXPECT_EQ(Make(store_, "c"), sink_.failure()) << "commits are refused with the reason";
    EXPECT_EQ(sink_.snapshots(), 1);
  }

  SqliteStore store_{directory_};

 private:
  // What it logs.
  std::string OpenAgain() {
    const int before = sink_.snapshots();
    const auto groups = sink_.groups();
    testing::internal::CaptureStderr();
    Tend();
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(sink_.snapshots(), before + 1);
    EXPECT_FALSE(sink_.failure().has_value()) << sink_.failure()->message;
    EXPECT_EQ(sink_.groups().size(), groups.size());
    for (const auto& [key, group] : groups) {
      EXPECT_TRUE(IsSame(sink_.Find(key.application), group)) << key.application;
    }
    return log;
  }

  SteadyTime now_ = SystemClock().Now();
};

TEST_F(StateLostTest, ALookFindsItWithoutACommit) {
  Tend();
  EXPECT_EQ(sink_.snapshots(), 1);
  std::filesystem::remove(file_);
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
  RecordingSink others_sink;
  ASSERT_TRUE(others.Open(others_sink).has_value());
  ASSERT_FALSE(Make(others, "x").has_value());
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
    RecordingSink others_sink;
    ASSERT_TRUE(others.Open(others_sink).has_value());
    ASSERT_FALSE(Make(others, "a").has_value());
    ASSERT_FALSE(Make(others, "x").has_value());
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
    RecordingSink others_sink;
    ASSERT_TRUE(others.Open(others_sink).has_value());
    ASSERT_FALSE(Make(others, "x").has_value());
  }
  std::filesystem::rename(other.path() + "/state.db", file_);
  ExpectFound("state.db is another file");
  ExpectNotTaken("the log of the one before hides what is in it");
}

TEST_F(StateLostTest, AnotherStateWrittenOverItUnderOurLogIsNotTaken) {
  const TempDirectory other;
  {
    SqliteStore others(other.path());
    RecordingSink others_sink;
    ASSERT_TRUE(others.Open(others_sink).has_value());
    ASSERT_FALSE(Make(others, "x").has_value());
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
  ExpectGoesOn();
}

TEST_F(StateLostTest, ItGoesOnWhereACopyOfBothFilesIsPutBack) {
  const std::string away = directory_ + ".away";
  std::filesystem::rename(directory_, away);
  ExpectFound("state.db is gone");
  std::filesystem::copy(away, directory_);
  ExpectGoesOn();
  std::filesystem::remove_all(away);
}

TEST_F(StateLostTest, AnOlderStateWrittenOverItIsNotTaken) {
  const TempDirectory other;
  {
    RecordingSink others_sink;
    SqliteStore others(other.path());
    ASSERT_TRUE(others.Open(others_sink).has_value());
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
  Tend();
  ExpectStillLost("again from memory");
  std::filesystem::rename(away, file_);
  ExpectGoesOn();
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
    RecordingSink second_sink;
    const auto opened = second.Open(second_sink);
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
