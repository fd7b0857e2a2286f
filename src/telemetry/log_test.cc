#include "telemetry/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/line_queue.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string LogfmtLine(LogLevel level, std::string_view message,
                       std::initializer_list<LogField> fields = {}) {
  return FormatLogLine(LogFormat::kLogfmt, level, message, {fields.begin(), fields.size()});
}

std::string JsonLine(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields = {}) {
  return FormatLogLine(LogFormat::kJson, level, message, {fields.begin(), fields.size()});
}

std::string Line(std::string_view value) {
  return LogfmtLine(LogLevel::kInfo, "m", {{"k", value}});
}

std::string JsonOf(std::string_view value) {
  return JsonLine(LogLevel::kInfo, "m", {{"k", value}});
}

TEST(LogTest, ALevelIsParsedInAnyCase) {
  EXPECT_EQ(ParseLogLevel("debug"), LogLevel::kDebug);
  EXPECT_EQ(ParseLogLevel("INFO"), LogLevel::kInfo);
  EXPECT_EQ(ParseLogLevel("Warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("error"), LogLevel::kError);
  EXPECT_EQ(ParseLogLevel("CRITICAL"), LogLevel::kCritical);
}

TEST(LogTest, AnotherWordIsNoLevel) {
  for (const char* word : {"", "warn", "infos", "inf", "info ", "trace", "off"}) {
    EXPECT_EQ(ParseLogLevel(word), std::nullopt) << word;
  }
}

TEST(LogTest, ALineHasLevelMessageAndFieldsInOrder) {
  EXPECT_EQ(LogfmtLine(LogLevel::kWarning, "disk is full",
                       {{"path", "/var/x"}, {"bytes", 42}, {"ok", true}}),
            R"(level=warning msg="disk is full" path=/var/x bytes=42 ok=true)");
}

TEST(LogTest, EachLevelIsNamedAsItIsParsed) {
  for (const char* name : {"debug", "info", "warning", "error", "critical"}) {
    EXPECT_EQ(LogfmtLine(*ParseLogLevel(name), "m"), fmt::format("level={} msg=\"m\"", name));
  }
}

TEST(LogTest, APlainValueStandsUnquoted) {
  EXPECT_EQ(Line("a-b_c/d.e:f,[g]"), "level=info msg=\"m\" k=a-b_c/d.e:f,[g]");
  EXPECT_EQ(Line("grün"), "level=info msg=\"m\" k=grün");
}

TEST(LogTest, SpaceEqualsQuoteBackslashAndNothingAreQuoted) {
  EXPECT_EQ(Line(""), R"(level=info msg="m" k="")");
  EXPECT_EQ(Line("a b"), R"(level=info msg="m" k="a b")");
  EXPECT_EQ(Line("a=b"), R"(level=info msg="m" k="a=b")");
  EXPECT_EQ(Line("a\"b"), R"(level=info msg="m" k="a\"b")");
  EXPECT_EQ(Line("a\\b"), R"(level=info msg="m" k="a\\b")");
}

TEST(LogTest, AValueCannotForgeALine) {
  EXPECT_EQ(Line("x\nts=now level=info"), R"(level=info msg="m" k="x\nts=now level=info")");
  EXPECT_EQ(Line("x\ry"), R"(level=info msg="m" k="x\x0dy")");
  EXPECT_EQ(LogfmtLine(LogLevel::kInfo, "a\n\"b"), R"(level=info msg="a\n\"b")");
}

TEST(LogTest, ATerminalEscapeIsSpeltOut) {
  EXPECT_EQ(Line("\x1b[31m"), R"(level=info msg="m" k="\x1b[31m")");
  EXPECT_EQ(Line("\x7f"), R"(level=info msg="m" k="\x7f")");
  EXPECT_EQ(Line("\xc2\x9b"
                 "31m"),
            R"(level=info msg="m" k="\xc2\x9b31m")");
  EXPECT_EQ(Line(std::string_view("\0", 1)), R"(level=info msg="m" k="\x00")");
}

TEST(LogTest, MarksThatTurnTheTextAreSpeltOut) {
  for (const char* mark :
       {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069"}) {
    EXPECT_THAT(Line(mark), MatchesRegex(R"(level=info msg="m" k="(\\x[0-9a-f][0-9a-f])+")"));
  }
  // Their neighbours are text.
  for (const char* text : {"\u200d", "\u2010", "\u2027", "\u2030", "\u2065", "\u206a", "\u00a0"}) {
    EXPECT_EQ(Line(text), fmt::format("level=info msg=\"m\" k={}", text));
  }
}

TEST(LogTest, BytesThatAreNotUtf8AreSpeltOut) {
  EXPECT_EQ(Line("a\xff"), R"(level=info msg="m" k="a\xff")");
  EXPECT_EQ(Line("\xc3"), R"(level=info msg="m" k="\xc3")");
  EXPECT_EQ(Line("\xe2\x80"), R"(level=info msg="m" k="\xe2\x80")");
  EXPECT_EQ(Line("\xed\xa0\x80"), R"(level=info msg="m" k="\xed\xa0\x80")");
}

TEST(LogTest, EveryByteComesOutAsPrintableOrUtf8) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string value = {static_cast<char>(first), static_cast<char>(second)};
      for (const char c : Line(value)) {
        const auto byte = static_cast<unsigned char>(c);
        EXPECT_TRUE(byte >= 0x20 && byte != 0x7f) << first << " " << second;
      }
    }
  }
}

TEST(LogTest, AJsonLineHasTheSameFieldsWithNumbersBare) {
  EXPECT_EQ(JsonLine(LogLevel::kWarning, "disk is \"full\"",
                     {{"path", "/var/x"}, {"bytes", 42}, {"ok", true}, {"code", "42"}}),
            R"("level":"warning","msg":"disk is \"full\"","path":"/var/x","bytes":42,"ok":true,)"
            R"("code":"42")");
}

TEST(LogTest, AJsonValueCannotForgeALineOrReachATerminal) {
  EXPECT_EQ(JsonOf("a\n\"},{\"b\\"), R"("level":"info","msg":"m","k":"a\u000a\"},{\"b\\")");
  EXPECT_EQ(JsonOf("\x1b[31m\x7f"), R"("level":"info","msg":"m","k":"\u001b[31m\u007f")");
  EXPECT_EQ(JsonOf("\xc2\x9b"), R"("level":"info","msg":"m","k":"\u009b")");
  EXPECT_EQ(JsonOf("\u202e"), R"("level":"info","msg":"m","k":"\u202e")");
  EXPECT_EQ(JsonOf("grün\xff"), R"("level":"info","msg":"m","k":"grün\\xff")");
}

class LogFileTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override {
    SetUpLogging(LogLevel::kInfo, "-");
    std::filesystem::remove_all(directory_);
  }

  static std::vector<std::string> Lines(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  const std::string directory_ = ::testing::TempDir() + "log_test_" +
                                 std::to_string(::testing::UnitTest::GetInstance()->random_seed()) +
                                 "_" + std::to_string(::getpid());
  const std::string path_ = directory_ + "/log";
};

TEST_F(LogFileTest, AJsonLineIsOneObjectWithTheTimeInUtc) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_, LogFormat::kJson), std::nullopt);
  Log(LogLevel::kInfo, "m", {{"k", "v"}});
  const std::vector<std::string> lines = Lines(path_);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              MatchesRegex(R"(\{"ts":"[0-9-]+T[0-9:.]+Z","level":"info","msg":"m","k":"v"\})"));
}

TEST_F(LogFileTest, ALineBeginsWithTheTimeInUtc) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  Log(LogLevel::kInfo, "hello", {{"n", 1}});
  ASSERT_EQ(Lines(path_).size(), 1U);
  EXPECT_THAT(Lines(path_).front(),
              MatchesRegex("ts=20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
                           "\\.[0-9][0-9][0-9]Z level=info msg=\"hello\" n=1"));
}

TEST_F(LogFileTest, LinesBelowTheLevelAreDropped) {
  ASSERT_EQ(SetUpLogging(LogLevel::kWarning, path_), std::nullopt);
  Log(LogLevel::kDebug, "a");
  Log(LogLevel::kInfo, "b");
  Log(LogLevel::kWarning, "c");
  Log(LogLevel::kCritical, "d");
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("level=warning msg=\"c\""));
  EXPECT_THAT(lines[1], HasSubstr("level=critical msg=\"d\""));
}

TEST_F(LogFileTest, AFileThatIsThereIsAppendedTo) {
  std::ofstream(path_) << "before\n";
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  Log(LogLevel::kInfo, "after");
  ASSERT_EQ(Lines(path_).size(), 2U);
  EXPECT_EQ(Lines(path_)[0], "before");
}

TEST_F(LogFileTest, AFileThatCannotBeOpenedIsNamed) {
  const auto problem = SetUpLogging(LogLevel::kInfo, directory_ + "/none/log");
  ASSERT_TRUE(problem);
  EXPECT_EQ(*problem, directory_ + "/none/log: No such file or directory");
}

TEST_F(LogFileTest, AfterARotationLinesGoToANewFile) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  Log(LogLevel::kInfo, "old");
  std::filesystem::rename(path_, path_ + ".1");
  Log(LogLevel::kInfo, "still old");
  ReopenLog();
  Log(LogLevel::kInfo, "new");
  EXPECT_EQ(Lines(path_ + ".1").size(), 2U);
  ASSERT_EQ(Lines(path_).size(), 1U);
  EXPECT_THAT(Lines(path_).front(), HasSubstr("msg=\"new\""));
}

TEST_F(LogFileTest, ARotationWithoutAPlaceForTheNewFileLosesNoLine) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  std::filesystem::rename(directory_, directory_ + "_moved");
  ReopenLog();
  Log(LogLevel::kInfo, "still here");
  const auto lines = Lines(directory_ + "_moved/log");
  std::filesystem::remove_all(directory_ + "_moved");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("level=warning msg=\"the log file cannot be opened again"));
  EXPECT_THAT(lines[1], HasSubstr("still here"));
}

TEST_F(LogFileTest, LinesOfManyThreadsDoNotMix) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  constexpr int kThreads = 4;
  constexpr int kLines = 200;
  const std::string value(500, 'v');
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (int line = 0; line < kLines; ++line) Log(LogLevel::kInfo, "m", {{"value", value}});
      });
    }
  }
  const auto lines = Lines(path_);
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(kThreads * kLines));
  for (const std::string& line : lines) {
    EXPECT_TRUE(line.ends_with(" level=info msg=\"m\" value=" + value)) << line;
  }
}

TEST_F(LogFileTest, AThreadWritesTheSameLinesInTheirOrder) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  Log(LogLevel::kInfo, "before");
  {
    const LogThread thread;
    for (int i = 0; i < 100; ++i) Log(LogLevel::kInfo, "m", {{"i", i}});
    ReopenLog();
    Log(LogLevel::kInfo, "last");
  }
  Log(LogLevel::kInfo, "after");
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 103U);
  EXPECT_THAT(lines[0], HasSubstr("before"));
  EXPECT_THAT(lines[100], HasSubstr("i=99"));
  EXPECT_THAT(lines[102], HasSubstr("after"));
}

TEST_F(LogFileTest, ACriticalLineIsThereAtOnceWithAllThatWasSaidBefore) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  const LogThread thread;
  for (int i = 0; i < 100; ++i) Log(LogLevel::kInfo, "m");
  Log(LogLevel::kCritical, "last words");
  const auto lines = Lines(path_);
  ASSERT_EQ(lines.size(), 101U);
  EXPECT_THAT(lines[100], HasSubstr("last words"));
}

TEST_F(LogFileTest, AForkedChildWritesItsLinesItself) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  const LogThread thread;
  const pid_t child = ::fork();
  if (child == 0) {
    Log(LogLevel::kInfo, "of the child");
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(Lines(path_).size(), 1U);
  EXPECT_THAT(Lines(path_)[0], HasSubstr("of the child"));
}

// A pipe that nobody reads.
class LogPipeTest : public LogFileTest {
 protected:
  void SetUp() override {
    LogFileTest::SetUp();
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    from_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const UniqueFd into(::open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    const std::string page(4096, '\n');
    while (::write(into.get(), page.data(), page.size()) > 0) {
    }
  }

  // Everything up to `end`.
  std::string ReadTo(std::string_view end) const {
    std::string text;
    std::array<char, 4096> buffer{};
    while (!text.contains(end)) {
      const ssize_t bytes = ::read(from_.get(), buffer.data(), buffer.size());
      if (bytes > 0) text.append(buffer.data(), static_cast<std::size_t>(bytes));
    }
    return text;
  }

  UniqueFd from_;
};

TEST_F(LogPipeTest, NobodyWaitsAndTheLogSaysHowManyLinesAreMissing) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  const auto before = LineQueue::Dropped(LineQueue::Kind::kErrorLog);
  const LogThread thread;
  const std::string value(1000, 'v');
  for (int i = 0; i < 3000; ++i) Log(LogLevel::kInfo, "m", {{"value", value}});
  const auto dropped = LineQueue::Dropped(LineQueue::Kind::kErrorLog) - before;
  EXPECT_GE(dropped, 800U);
  EXPECT_THAT(ReadTo(" lines="), HasSubstr("lines of this log are missing here"));
}

TEST_F(LogPipeTest, WithoutAThreadALineWaitsForAMomentOnly) {
  ASSERT_EQ(SetUpLogging(LogLevel::kInfo, path_), std::nullopt);
  Log(LogLevel::kInfo, "lost");
  ReadTo("\n");
  std::array<char, 4096> buffer{};
  while (::read(from_.get(), buffer.data(), buffer.size()) > 0) {
  }
  Log(LogLevel::kInfo, "said");
  EXPECT_THAT(ReadTo("said"), Not(HasSubstr("lost")));
}

}  // namespace
}  // namespace target_eye
