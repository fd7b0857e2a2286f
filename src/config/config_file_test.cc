#include "config/config_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "config/config_entry.h"

namespace target_eye {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Form = ConfigValue::Form;

std::string Show(const ConfigEntry& entry) {
  constexpr const char* kForms[] = {"text", "number", "boolean", "list", "other"};
  return fmt::format("{}:{}.{}={}({})", entry.line, entry.section, entry.key,
                     kForms[static_cast<int>(entry.value.form)], fmt::join(entry.value.items, "|"));
}

// The entries as text, or the error.
std::vector<std::string> Parse(std::string_view text, std::string_view name = "conf") {
  const auto entries = ParseConfigFile(text, name);
  if (!entries) {
    EXPECT_EQ(entries.error().code, ErrorCode::kInvalid);
    return {entries.error().message};
  }
  std::vector<std::string> shown;
  for (const ConfigEntry& entry : *entries) shown.push_back(Show(entry));
  return shown;
}

std::string Failure(std::string_view text, std::string_view name = "conf") {
  const auto entries = ParseConfigFile(text, name);
  return entries ? "it parsed" : entries.error().message;
}

TEST(ConfigFileTest, AnEmptyFileSetsNothing) {
  EXPECT_THAT(Parse(""), ElementsAre());
  EXPECT_THAT(Parse("\n# nothing\n"), ElementsAre());
  EXPECT_THAT(Parse("; nothing\n[hypercorn]\n"), ElementsAre());
}

TEST(ConfigFileTest, IniHasSectionsWithKeysAndValues) {
  EXPECT_THAT(Parse("[target-eye]\nfile_sd_directory = /srv/sd\n[hypercorn]\nbind: 0.0.0.0:80\n"),
              ElementsAre("2:target-eye.file_sd_directory=text(/srv/sd)",
                          "4:hypercorn.bind=text(0.0.0.0:80)"));
}

TEST(ConfigFileTest, IniSplitsAtTheFirstDelimiter) {
  EXPECT_THAT(Parse("[h]\na = b:c=d\ne: f=g:h\n"),
              ElementsAre("2:h.a=text(b:c=d)", "3:h.e=text(f=g:h)"));
}

TEST(ConfigFileTest, IniKeysHaveNoCaseAndSectionsHave) {
  EXPECT_THAT(Parse("[Hyper Corn]\n  KeyOne   =  x y  \n"),
              ElementsAre("2:Hyper Corn.keyone=text(x y)"));
}

TEST(ConfigFileTest, IniCommentsAreWholeLinesOnly) {
  EXPECT_THAT(Parse("# a\n[h]\n  ; b\nk = v # w ; x\n#k = z\n"),
              ElementsAre("4:h.k=text(v # w ; x)"));
}

TEST(ConfigFileTest, IniValuesGoOnInIndentedLines) {
  EXPECT_THAT(Parse("[h]\nbind = a\n  b\n  # c\n\n\td\nnext = e\n\n"),
              ElementsAre("2:h.bind=text(a\nb\n\nd)", "7:h.next=text(e)"));
}

TEST(ConfigFileTest, AnIndentedIniKeyIsAKeyWhereNoValueStandsBeforeIt) {
  EXPECT_THAT(Parse("[h]\n  a = b\n  c = d\n"), ElementsAre("2:h.a=text(b)", "3:h.c=text(d)"));
}

TEST(ConfigFileTest, IniTakesDoubledPercentSignsAsOneAndSingleOnesAsTheyAre) {
  EXPECT_THAT(Parse("[h]\nf = %%(h)s %(l)s 100% %%%%\n"),
              ElementsAre("2:h.f=text(%(h)s %(l)s 100% %%)"));
}

TEST(ConfigFileTest, IniLinesMayEndInCarriageReturns) {
  EXPECT_THAT(Parse("[h]\r\na = b\r\nc:\r\n"), ElementsAre("2:h.a=text(b)", "3:h.c=text()"));
}

TEST(ConfigFileTest, IniRefusesWhatIsGivenTwice) {
  EXPECT_EQ(Failure("[h]\na: 1\nA: 2\n"), R"(conf:3: "a" is given twice in section "h")");
  EXPECT_EQ(Failure("[h]\na: b\n[i]\n[h]\n"), R"(conf:4: section "h" is given twice)");
}

TEST(ConfigFileTest, MessagesAreShortAndPrintableWhateverIsInTheFile) {
  const std::string odd = "\x1b[2J" + std::string(5000, 'x');
  for (const std::string& text :
       {"[" + odd + "]x\n", "[" + odd + "]\n[" + odd + "]\n", "[" + odd + "]\na: 1\na: 2\n",
        "[h]\n" + odd + ": 1\n" + odd + ": 2\n", "[h]\n" + odd + "\n", odd + ": 1\n",
        "[h]\n" + odd + ": 'a'\n"}) {
    const std::string failure = Failure(text);
    EXPECT_LT(failure.size(), 700) << failure;
    EXPECT_EQ(failure.find('\x1b'), std::string::npos) << failure;
  }
}

TEST(ConfigFileTest, IniKeysOfTwoSectionsMayBeTheSame) {
  EXPECT_THAT(Parse("[h]\na: 1\n[i]\na: 2\n"), ElementsAre("2:h.a=text(1)", "4:i.a=text(2)"));
}

TEST(ConfigFileTest, IniRefusesAKeyOutsideOfASection) {
  EXPECT_EQ(Failure("bind: x\n"),
            R"(conf:1: "bind" is in no section; expected [hypercorn] or [target-eye] before it)");
}

TEST(ConfigFileTest, IniRefusesALineThatIsNeitherKeyNorSection) {
  EXPECT_EQ(Failure("[h]\na: b\nwhat is this\n"),
            R"(conf:3: "what is this": expected `key = value` or `[section]`)");
  EXPECT_EQ(Failure("[h]\na: b\n= c\n"), R"(conf:3: "= c": expected `key = value` or `[section]`)");
  EXPECT_EQ(Failure("[h]\na: b\n[]\n"), R"(conf:3: "[]": expected `key = value` or `[section]`)");
}

TEST(ConfigFileTest, TomlHasTypedValues) {
  EXPECT_THAT(Parse(R"(
[hypercorn]
bind = ["a:1", "b:2"]
read_timeout = 2.5
backlog = 10
umask = 0o22
include_server_header = false
accesslog = "-" # standard output
[target-eye]
file_sd_directory = '/srv/sd'
)"),
              ElementsAre("3:hypercorn.bind=list(a:1|b:2)", "4:hypercorn.read_timeout=number(2.5)",
                          "5:hypercorn.backlog=number(10)", "6:hypercorn.umask=number(18)",
                          "7:hypercorn.include_server_header=boolean(false)",
                          "8:hypercorn.accesslog=text(-)",
                          "10:target-eye.file_sd_directory=text(/srv/sd)"));
}

TEST(ConfigFileTest, TomlValuesThatNoSettingTakesAreTold) {
  EXPECT_THAT(Parse("[h]\na = [1]\nb = 1979-05-27\n[h.c]\nd = 1\n"),
              ElementsAre("2:h.a=other(a list of other things than strings)",
                          "3:h.b=other(a table or a date)", "4:h.c=other(a table or a date)"));
}

TEST(ConfigFileTest, TomlKeysCompareWithoutCase) {
  EXPECT_EQ(Failure("[h]\na = 1\nA = 2\n", "conf.toml"),
            R"(conf.toml:3: "a" is given twice in section "h")");
}

TEST(ConfigFileTest, TomlRefusesAKeyOutsideOfASection) {
  EXPECT_EQ(Failure("bind = \"x\"\n"),
            R"(conf:1: "bind" is in no section; expected [hypercorn] or [target-eye] before it)");
}

TEST(ConfigFileTest, AFileNamedTomlIsNotReadAsIni) {
  EXPECT_THAT(Failure("[target-eye]\nfile_sd_directory = /srv/sd\n", "conf.toml"),
              HasSubstr("conf.toml:2: "));
}

TEST(ConfigFileTest, ASlipInTomlDoesNotTurnItIntoIniWithQuotes) {
  const std::string failure =
      Failure("[target-eye]\nfile_sd_directory = \"/srv\"\n[hypercorn]\nbind = x\n");
  EXPECT_THAT(failure, HasSubstr("conf:2: \"file_sd_directory\": a value in quotes"));
  EXPECT_THAT(failure, HasSubstr("line 4: "));
}

TEST(ConfigFileTest, AnIniValueMayHoldQuotes) {
  EXPECT_THAT(Parse("[h]\nf: \"%(r)s\" \"%(f)s\"\n"),
              ElementsAre("2:h.f=text(\"%(r)s\" \"%(f)s\")"));
}

TEST(ConfigFileTest, TheErrorIsOfTheFormatThatGotFurther) {
  EXPECT_THAT(Failure("[h]\na = \"b\"\nc = \"d\ne\n"), HasSubstr("conf:4: \"e\": expected `key"));
  EXPECT_THAT(Failure("[[h]]\na = \"b\nc = 1\n"), HasSubstr("conf:2: "));
}

TEST(ConfigFileTest, AByteOrderMarkIsLeftAside) {
  EXPECT_THAT(Parse("\xef\xbb\xbf[h]\na: b\n"), ElementsAre("2:h.a=text(b)"));
}

TEST(ConfigFileTest, BytesThatAreNotTextAreRefusedWithTheirLine) {
  EXPECT_EQ(Failure("[h]\na: \xff\n"), "conf:2: expected UTF-8 text");
  EXPECT_EQ(Failure(std::string_view("[h]\n\na: \0\n", 11)), "conf:3: expected UTF-8 text");
}

TEST(ConfigFileTest, AFileOverTheLimitIsRefused) {
  std::string text = "[h]\n#";
  text.resize(kConfigFileLimitBytes, 'x');
  EXPECT_THAT(Parse(text), ElementsAre());
  text += 'x';
  EXPECT_EQ(Failure(text), "conf: the config file is larger than 1048576 bytes");
}

TEST(ConfigFileTest, DeepNestingIsAnErrorNotACrash) {
  const std::string deep = "[h]\na = " + std::string(100'000, '[') + "\n";
  EXPECT_THAT(Failure(deep, "conf.toml"), HasSubstr("conf.toml:2: "));
}

TEST(ConfigFileTest, AnyBytesGiveEntriesOrAnErrorWithItsLine) {
  std::mt19937 random(20261122);
  constexpr std::string_view kPieces[] = {
      "[h]", "\n", "a", "=", ":", " ",    "\"", "'",  "[", "]",  "{",  "}",      ",", "#",
      ";",   "\t", "%", "1", "é", "\r\n", "[[", "]]", ".", "0x", "\\", "\"\"\"", "-", "b = 1\n"};
  for (int round = 0; round < 4000; ++round) {
    std::string text;
    for (auto length = random() % 24; length > 0; --length) {
      text += kPieces[random() % std::size(kPieces)];
    }
    const auto entries = ParseConfigFile(text, "conf");
    if (entries) {
      for (const ConfigEntry& entry : *entries) {
        EXPECT_GE(entry.line, 1) << text;
        EXPECT_FALSE(entry.key.empty() && entry.section.empty()) << text;
        EXPECT_TRUE(!entry.value.items.empty() || entry.value.form == Form::kList) << text;
      }
    } else {
      EXPECT_THAT(entries.error().message, ::testing::MatchesRegex("conf:[1-9][0-9]*: (.|\n)+"))
          << text;
    }
  }
}

TEST(ConfigFileTest, AFileIsReadFromItsPath) {
  const std::string path = ::testing::TempDir() + "config_file_test_" + std::to_string(getpid());
  std::ofstream(path) << "[h]\na: b\n";
  const auto entries = ReadConfigFile(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(entries) << entries.error().message;
  EXPECT_EQ(Show(entries->at(0)), "2:h.a=text(b)");
}

TEST(ConfigFileTest, AFileThatCannotBeReadIsNamedWithTheReason) {
  const auto missing = ReadConfigFile("/nonexistent/conf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "/nonexistent/conf: the config file cannot be read: No such file or directory");
  const auto directory = ReadConfigFile(::testing::TempDir());
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("cannot be read: Is a directory"));
}

}  // namespace
}  // namespace target_eye
