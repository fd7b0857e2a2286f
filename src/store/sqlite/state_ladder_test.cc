#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "codec/group_json.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/state_schema.h"
#include "store/testing/failing_vfs.h"
#include "store/testing/store_contract.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return (std::stringstream() << file.rdbuf()).str();
}

// Databases as older programs left them, copied before they are opened.
class StateLadderTest : public testing::Test {
 protected:
  void Copy(const std::string& name) {
    const fs::path from = fs::path(TARGET_EYE_STORE_TESTDATA) / name;
    ASSERT_TRUE(fs::exists(from / "state.db")) << from;
    for (const auto& entry : fs::directory_iterator(from)) {
      fs::copy_file(entry.path(), fs::path(directory_) / entry.path().filename(),
                    fs::copy_options::overwrite_existing);
      fs::permissions(fs::path(directory_) / entry.path().filename(), fs::perms::owner_write,
                      fs::perm_options::add);
    }
  }

  std::int64_t Version() const {
    SqliteDatabase database;
    std::int64_t version = -1;
    EXPECT_EQ(database.Open(file_, 0), SQLITE_OK);
    EXPECT_EQ(database.QueryInteger("PRAGMA user_version", version), SQLITE_OK);
    return version;
  }

  // All that the program of version 1 had acknowledged, as it is told now.
  void ExpectVersion1() const {
    const auto expect = [&](const std::string& application, const std::string& environment,
                            const std::string& json, Revision revision, Cause cause) {
      const StoredGroupPtr group = sink_.Find(application, environment);
      ASSERT_NE(group, nullptr) << application;
      EXPECT_EQ(group->text.json(), json);
      EXPECT_EQ(EncodeGroup(group->text.Decode()), json);
      EXPECT_EQ(group->revision, revision);
      EXPECT_EQ(group->origin.cause, cause) << application;
      EXPECT_GT(group->origin.when_ms, 1'700'000'000'000);
      EXPECT_THAT(group->origin.who,
                  testing::StartsWith(cause == Cause::kImport ? "import of " : "127.0.0.1:"));
    };
    expect("postgres", "prod",
           R"({"targets":["db1:9187","db2:9187"],)"
           R"("labels":{"env":"prod","job":"postgres","team":"storage"}})",
           1, Cause::kImport);
    expect("été", "prod hou", R"({"targets":["accent:1"],"labels":{"env":"prod hou","job":"été"}})",
           1, Cause::kImport);
    expect("prometheus", "dev",
           R"({"targets":["localhost:9090"],"labels":{"env":"dev","job":"prometheus"}})", 2,
           Cause::kClient);
    expect("a b/ü'\"", "%2F?#",
           R"({"targets":["h:1"],"labels":{"empty_looking":" ","env":"%2F?#","job":"a b/ü'\"",)"
           R"("team":")" +
               std::string(300, 'x') + "\"}}",
           4, Cause::kClient);
    expect("web", "prod",
           R"({"targets":["w1:80","w2:80","[::1]:80","w3:80"],"labels":{)"
           R"("__param_module":"http_2xx","__scheme__":"https","env":"prod","job":"web",)"
           R"("text":"\"\\\n\u0001\ttab ü 🚀"}})",
           7, Cause::kClient);
  }

  // Opens, and looks whether all is there and can be changed; then again.
  void ExpectOpens(std::size_t groups, Revision revision) {
    for (int i = 0; i < 2; ++i) {
      SqliteStore store(directory_);
      const auto opened = store.Open(sink_);
      ASSERT_TRUE(opened.has_value()) << opened.error().message;
      EXPECT_EQ(sink_.revision(), revision++);
      EXPECT_EQ(sink_.groups().size(), groups);
      EXPECT_FALSE(sink_.is_new());
      ExpectVersion1();
      const std::string name = fmt::format("new-{}", i);
      EXPECT_FALSE(CommitOne(store, MakeWrite(name, MakeGroup("h:1"), nullptr)).error.has_value());
      ++groups;
    }
    EXPECT_EQ(Version(), StateSchema::kVersion);
  }

  const TempDirectory temporary_;
  const std::string directory_ = temporary_.path();
  const std::string file_ = directory_ + "/state.db";
  RecordingSink sink_;
};

TEST_F(StateLadderTest, ADatabaseOfVersion1IsBroughtToToday) {
  Copy("version-1");
  ASSERT_EQ(Version(), 1);
  ExpectOpens(5, 7);
}

TEST_F(StateLadderTest, ADatabaseOfVersion1WhoseProgramWasKilledIsToo) {
  Copy("version-1-killed");
  ExpectOpens(6, 8);
}

// The log holds the pages of a step, and not the end of the transaction.
TEST_F(StateLadderTest, ADatabaseThatWasCutOffOnTheWayIsBroughtToToday) {
  Copy("version-1-cut-off");
  ASSERT_GT(fs::file_size(file_ + "-wal"), 0);
  ExpectOpens(5, 7);
}

TEST_F(StateLadderTest, WhatTheLadderMakesIsWhatANewDatabaseHas) {
  const auto tables = [&] {
    SqliteDatabase database;
    EXPECT_EQ(database.Open(file_, 0), SQLITE_OK);
    SqliteStatement rows;
    EXPECT_EQ(database.Prepare("SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM "
                               "sqlite_schema m, pragma_table_info(m.name) c ORDER BY 1, c.cid",
                               rows),
              SQLITE_OK);
    std::vector<std::string> columns;
    while (rows.Step() == SQLITE_ROW) {
      columns.push_back(fmt::format("{} {} {} {} {}", rows.Text(0), rows.Text(1), rows.Text(2),
                                    rows.Integer(3), rows.Integer(4)));
    }
    return columns;
  };
  ASSERT_TRUE(SqliteStore(directory_).Open(sink_).has_value());
  const auto fresh = tables();
  ASSERT_EQ(fresh.size(), 9);
  fs::remove(file_);
  fs::remove(file_ + "-wal");
  Copy("version-1");
  ASSERT_TRUE(SqliteStore(directory_).Open(sink_).has_value());
  EXPECT_EQ(tables(), fresh);
}

TEST_F(StateLadderTest, TryingReadsAnOlderDatabaseAndLeavesItAsItIs) {
  Copy("version-1");
  const std::string before = ReadFile(file_);
  const auto tried = SqliteStore::Try(directory_);
  EXPECT_TRUE(tried.has_value()) << tried.error().message;
  EXPECT_EQ(ReadFile(file_), before);
  EXPECT_TRUE(!fs::exists(file_ + "-wal") || fs::file_size(file_ + "-wal") == 0);
  EXPECT_EQ(Version(), 1);
}

TEST_F(StateLadderTest, TryingFindsWhatIsWrongWithAnOlderDatabase) {
  Copy("version-1");
  {
    SqliteDatabase database;
    ASSERT_EQ(database.Open(file_, 0), SQLITE_OK);
    ASSERT_EQ(database.Execute("UPDATE target_group SET json = '{' WHERE application = 'web'"),
              SQLITE_OK);
    ASSERT_EQ(database.Execute("PRAGMA wal_checkpoint(TRUNCATE)"), SQLITE_OK);
  }
  const std::string before = ReadFile(file_);
  const auto tried = SqliteStore::Try(directory_);
  ASSERT_FALSE(tried.has_value());
  EXPECT_EQ(tried.error().code, ErrorCode::kDamaged);
  ASSERT_FALSE(SqliteStore(directory_).Open(sink_).has_value());
  EXPECT_EQ(ReadFile(file_), before) << "nothing is climbed before all was read";
}

TEST_F(StateLadderTest, ACauseThatIsNotKnownIsRefused) {
  Copy("version-1");
  ASSERT_TRUE(SqliteStore(directory_).Open(sink_).has_value());
  {
    SqliteDatabase database;
    ASSERT_EQ(database.Open(file_, 0), SQLITE_OK);
    ASSERT_EQ(database.Execute("UPDATE target_group SET cause = 'whim' WHERE application = 'web'"),
              SQLITE_OK);
  }
  const auto opened = SqliteStore(directory_).Open(sink_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kDamaged);
  EXPECT_THAT(opened.error().message, testing::HasSubstr("\"whim\""));
}

// docs/operations.md, "Going back to an older version".
TEST_F(StateLadderTest, GoingBackLeavesTheTablesOfVersion1) {
  Copy("version-1");
  const auto schema = [&] {
    SqliteDatabase database;
    EXPECT_EQ(database.Open(file_, 0), SQLITE_OK);
    SqliteStatement rows;
    EXPECT_EQ(database.Prepare("SELECT name FROM pragma_table_info('target_group')", rows),
              SQLITE_OK);
    std::vector<std::string> columns;
    while (rows.Step() == SQLITE_ROW) columns.emplace_back(rows.Text(0));
    return columns;
  };
  const auto before = schema();
  ASSERT_TRUE(SqliteStore(directory_).Open(sink_).has_value());
  ASSERT_NE(schema(), before);
  {
    SqliteDatabase database;
    ASSERT_EQ(database.Open(file_, 0), SQLITE_OK);
    ASSERT_EQ(database.Execute("BEGIN; ALTER TABLE target_group DROP COLUMN cause; "
                               "PRAGMA user_version=1; COMMIT"),
              SQLITE_OK)
        << database.error_message();
  }
  EXPECT_EQ(schema(), before);
  ExpectOpens(5, 7);
}

struct Moment {
  std::string name;
  FailingVfs::Operation operation;
};

class StateLadderCrashTest : public StateLadderTest, public testing::WithParamInterface<Moment> {};

// A real process is killed at each operation of its kind on the way, and another one goes on.
TEST_P(StateLadderCrashTest, WhereverItIsKilledAllIsThereAfterwards) {
  bool was_killed = true;
  int number = 1;
  for (; was_killed; ++number) {
    SCOPED_TRACE(number);
    for (const auto& entry : fs::directory_iterator(directory_)) fs::remove(entry.path());
    Copy("version-1");
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      FailingVfs vfs;
      vfs.Kill(GetParam().operation, number);
      SqliteStore store(directory_);
      _exit(store.Open(sink_).has_value() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    was_killed = WIFSIGNALED(status);
    ASSERT_TRUE(was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
    ExpectOpens(5, 7);
  }
  EXPECT_GT(number, 2) << "it was never killed";
}

INSTANTIATE_TEST_SUITE_P(All, StateLadderCrashTest,
                         testing::Values(Moment{"Read", FailingVfs::Operation::kRead},
                                         Moment{"Write", FailingVfs::Operation::kWrite},
                                         Moment{"Sync", FailingVfs::Operation::kSync}),
                         [](const auto& moment) { return moment.param.name; });

}  // namespace
}  // namespace target_eye
