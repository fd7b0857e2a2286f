#include "config/load.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/apply.h"
#include "config/command_line.h"
#include "config/config.h"
#include "config/config_entry.h"
#include "config/settings.h"
#include "config/settings_table.h"

namespace target_eye {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

class LoadConfigTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  const std::string& File(std::string_view text) {
    std::ofstream(path_) << text;
    return path_;
  }

  // With a directory to publish to, unless one is given.
  static Expected<CommandLine> Load(Arguments arguments, Environment environment = {}) {
    environment.emplace("FILE_SD_DIRECTORY", "/default");
    return LoadConfig(arguments, environment);
  }

  static Config Loaded(const Arguments& arguments, const Environment& environment = {}) {
    const auto line = Load(arguments, environment);
    if (line) return line->config;
    ADD_FAILURE() << line.error().message;
    return {};
  }

  static std::string Failure(const Arguments& arguments, const Environment& environment = {}) {
    const auto line = Load(arguments, environment);
    if (line) return "it loaded";
    EXPECT_EQ(line.error().code, ErrorCode::kInvalid);
    return line.error().message;
  }

  static std::vector<std::string> Warnings(const Arguments& arguments,
                                           const Environment& environment = {}) {
    const auto line = Load(arguments, environment);
    if (line) return line->warnings;
    return {line.error().message};
  }

  const std::string path_ =
      fmt::format("{}load_test_{}_{}", ::testing::TempDir(), getpid(),
                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

// A value that is not the default, as flags, variables and INI write it and as TOML does.
struct Example {
  std::string text;
  std::string toml;
};

Example ExampleOf(const Setting& setting) {
  switch (setting.kind) {
    case SettingKind::kText:
    case SettingKind::kName:
      return {"/some/text", "'/some/text'"};
    case SettingKind::kWord: {
      const std::string last(setting.words.substr(setting.words.rfind('|') + 1));
      return {last, "'" + last + "'"};
    }
    case SettingKind::kVerifyMode:
      return {"CERT_REQUIRED", "'CERT_REQUIRED'"};
    case SettingKind::kUrlPath:
      return {"/prefix", "'/prefix'"};
    case SettingKind::kUrl:  // Without a path, which would be the default of another.
      return {"https://example.org", "'https://example.org'"};
    case SettingKind::kList:
      if (setting.is_element != nullptr) return {"10.0.0.0/8,unix", "['10.0.0.0/8', 'unix']"};
      return {"one,two", "['one', 'two']"};
    case SettingKind::kCount:
      return {"321", "321"};
    case SettingKind::kBytes:
      return setting.least > 54321 ? Example{"7654321", "7654321"} : Example{"54321", "54321"};
    case SettingKind::kSeconds:
      return {"12.5", "12.5"};
    case SettingKind::kBoolean:
      return DefaultOf(setting) == "`true`" ? Example{"false", "false"} : Example{"true", "true"};
    case SettingKind::kOctal:
      return {"027", "0o27"};
  }
  return {};
}

bool SameIn(const Config& a, const Config& b, const Setting& setting) {
  return std::visit(
      [&a, &b](auto field) {
        if constexpr (std::is_same_v<decltype(field), std::monostate>) {
          return true;
        } else {
          return a.*field == b.*field;
        }
      },
      setting.field);
}

// Those without which `setting` makes no sense, with a value for each.
Environment CompanionsOf(const Setting& setting) {
  Environment all;
  if (setting.name == "certfile" || setting.name == "keyfile") {
    all = {{"CERTFILE", "/cert"}, {"KEYFILE", "/key"}};
  } else if (setting.name == "ca_certs" || setting.name == "verify_mode") {
    all = {{"CERTFILE", "/cert"}, {"KEYFILE", "/key"}, {"CA_CERTS", "/ca"}};
  }
  all.erase(VariableOf(setting));
  return all;
}

// Whether, beside its companions, exactly the field of `setting` differs from the defaults and
// holds its example.
void ExpectOnlyThisIsSet(const Setting& setting, const Config& config, std::string_view way) {
  Config expected;
  if (setting.name != "file_sd_directory") expected.file_sd_directory = "/default";
  const Environment companions = CompanionsOf(setting);
  for (const Setting& other : Settings()) {
    const auto found = companions.find(VariableOf(other));
    if (found == companions.end()) continue;
    ASSERT_EQ(Apply(other, ConfigValue::Text(found->second), expected), std::nullopt);
  }
  ASSERT_EQ(Apply(setting, ConfigValue::Text(ExampleOf(setting).text), expected), std::nullopt);
  EXPECT_FALSE(SameIn(config, Config{}, setting)) << setting.name << " by " << way;
  for (const Setting& other : Settings()) {
    EXPECT_TRUE(SameIn(config, expected, other))
        << setting.name << " by " << way << " in the field of " << other.name;
  }
}

TEST_F(LoadConfigTest, EverySettingCanBeSetByFlag) {
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    const std::string text = ExampleOf(setting).text;
    ExpectOnlyThisIsSet(setting, Loaded({FlagOf(setting) + "=" + text}, CompanionsOf(setting)),
                        "flag");
    if (setting.kind != SettingKind::kBoolean) {
      ExpectOnlyThisIsSet(setting, Loaded({FlagOf(setting), text}, CompanionsOf(setting)),
                          "flag and value");
    }
    if (!setting.other_flag.empty()) {
      ExpectOnlyThisIsSet(setting,
                          Loaded({OtherFlagOf(setting) + "=" + text}, CompanionsOf(setting)),
                          "other flag");
    }
  }
}

TEST_F(LoadConfigTest, EverySettingCanBeSetByVariable) {
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    const std::string text = ExampleOf(setting).text;
    Environment environment = CompanionsOf(setting);
    environment[VariableOf(setting)] = text;
    ExpectOnlyThisIsSet(setting, Loaded({}, environment), "variable");
  }
}

TEST_F(LoadConfigTest, EverySettingCanBeSetByIni) {
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    File(fmt::format("[{}]\n{}: {}\n", setting.section, setting.name, ExampleOf(setting).text));
    Environment environment = CompanionsOf(setting);
    if (setting.name == "file_sd_directory") environment["FILE_SD_DIRECTORY"] = "";
    ExpectOnlyThisIsSet(setting, Loaded({path_}, environment), "INI");
  }
}

TEST_F(LoadConfigTest, EverySettingCanBeSetByToml) {
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    File(fmt::format("[{}]\n{} = {}\n", setting.section, setting.name, ExampleOf(setting).toml));
    Environment environment = CompanionsOf(setting);
    if (setting.name == "file_sd_directory") environment["FILE_SD_DIRECTORY"] = "";
    ExpectOnlyThisIsSet(setting, Loaded({path_}, environment), "TOML");
  }
}

TEST_F(LoadConfigTest, FlagsWinOverVariablesAndTheseOverTheFile) {
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    const std::string text = ExampleOf(setting).text;
    // What loses is not even looked at.
    File(fmt::format("[{}]\n{}: \x01\n", setting.section, setting.name));
    Environment environment = CompanionsOf(setting);
    environment[VariableOf(setting)] = text;
    ExpectOnlyThisIsSet(setting, Loaded({path_}, environment), "variable, file");
    environment[VariableOf(setting)] = setting.name == "file_sd_directory" ? "/x" : "\x01";
    ExpectOnlyThisIsSet(setting, Loaded({path_, FlagOf(setting) + "=" + text}, environment),
                        "flag, variable, file");
  }
}

TEST_F(LoadConfigTest, AnEmptyVariableOrValueCountsAsNotSet) {
  Environment environment;
  std::string sections[2];
  for (const Setting& setting : Settings()) {
    environment[VariableOf(setting)] = "";
    sections[setting.section == "hypercorn"] += fmt::format("{} =\n", setting.name);
  }
  environment["FILE_SD_DIRECTORY"] = "/x";
  File("[target-eye]\n" + sections[0] + "[hypercorn]\n" + sections[1]);
  EXPECT_EQ(Loaded({path_}, environment).bind, Config{}.bind);
  EXPECT_THAT(Warnings({path_}, environment), IsEmpty());
}

TEST_F(LoadConfigTest, TheHostsDirectoryIsUsedWhereTheContainersIsNotSet) {
  const auto directory = [](const Environment& environment) {
    return LoadConfig({}, environment)->config.file_sd_directory;
  };
  EXPECT_EQ(directory({{"FILE_SD_DIR_HOST", "/host"}}), "/host");
  EXPECT_EQ(directory({{"FILE_SD_DIR_HOST", "/host"}, {"FILE_SD_DIRECTORY", ""}}), "/host");
  EXPECT_EQ(directory({{"FILE_SD_DIR_HOST", "/host"}, {"FILE_SD_DIRECTORY", "/inside"}}),
            "/inside");
}

TEST_F(LoadConfigTest, WithoutADirectoryItSaysWhatToSet) {
  const auto line = LoadConfig({}, {});
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(line.error().message, HasSubstr("set FILE_SD_DIRECTORY (or --file-sd-directory"));
}

TEST_F(LoadConfigTest, TheConfigFileIsTheArgumentOrTheFlagOrTheVariable) {
  File("[hypercorn]\nbacklog: 7\n");
  EXPECT_EQ(Loaded({path_}).backlog, 7);
  EXPECT_EQ(Loaded({"--config.file", path_}).backlog, 7);
  EXPECT_EQ(Loaded({}, {{"CONFIG_FILE", path_}}).backlog, 7);
  EXPECT_EQ(Loaded({path_}, {{"CONFIG_FILE", "/nonexistent"}}).backlog, 7);
  EXPECT_EQ(Loaded({}, {{"CONFIG_FILE", ""}}).backlog, Config{}.backlog);
  EXPECT_THAT(Failure({path_, "--config.file", path_}), HasSubstr("given twice"));
  EXPECT_THAT(Failure({"/nonexistent"}),
              HasSubstr("/nonexistent: the config file cannot be read: No such file"));
}

TEST_F(LoadConfigTest, AListsFlagMayBeRepeated) {
  EXPECT_THAT(Loaded({"--bind", "a:1,b:2", "--web.listen-address=[::1]:3", "--bind=[::1]"}).bind,
              ElementsAre("a:1", "b:2", "[::1]:3", "[::1]"));
}

TEST_F(LoadConfigTest, ASwitchIsTrueAloneAndFalseWithNoBeforeIt) {
  EXPECT_FALSE(Loaded({"--no-include-server-header"}).include_server_header);
  EXPECT_TRUE(
      Loaded({"--include-server-header"}, {{"INCLUDE_SERVER_HEADER", "no"}}).include_server_header);
}

TEST_F(LoadConfigTest, AValueMayBeASingleDash) {
  EXPECT_EQ(Loaded({"--accesslog", "-"}).access_log, "-");
}

TEST_F(LoadConfigTest, AValueInBracketsIsNotTakenApart) {
  EXPECT_EQ(Loaded({"--state-directory", "[a,b]"}).state_directory, "[a,b]");
}

TEST_F(LoadConfigTest, AWrongCommandLineIsRefused) {
  EXPECT_THAT(Failure({"--read-timeout", "1", "--read-timeout", "2"}), HasSubstr("--read-timeout"));
  EXPECT_THAT(Failure({"--read-timeout"}), HasSubstr("--read-timeout: 1 required SECONDS missing"));
  EXPECT_THAT(Failure({"--bind", "a", "b", "c"}),
              HasSubstr("argument \"c\": there is a CONFIG_FILE"));
  EXPECT_EQ(Failure({"--unheard-of"}), "unknown flag --unheard-of; see --help");
  EXPECT_EQ(Failure({"--storage.pth=/x", "file"}),
            "unknown flag --storage.pth; did you mean --state-directory? see --help");
  EXPECT_EQ(Failure({"/a.toml", "--web.listen-adress", "[::1]:0"}),
            "unknown flag --web.listen-adress; did you mean --bind? see --help");
}

TEST_F(LoadConfigTest, ABadValueIsToldWithWhereItWasSet) {
  EXPECT_EQ(Failure({"--read-timeout", "abc"}),
            R"(--read-timeout: "abc": expected seconds, e.g. 5 or 2.5)");
  EXPECT_EQ(Failure({}, {{"READ_TIMEOUT", "abc"}}),
            R"(READ_TIMEOUT (environment): "abc": expected seconds, e.g. 5 or 2.5)");
  EXPECT_EQ(Failure({File("[hypercorn]\n\nread_timeout = abc\n")}),
            path_ + R"(:3: read_timeout: "abc": expected seconds, e.g. 5 or 2.5)");
}

TEST_F(LoadConfigTest, WhatCannotBeServedStopsTheStart) {
  EXPECT_THAT(Failure({}, {{"QUIC_BIND", "0.0.0.0:443"}}), HasSubstr("HTTP/3 is not served"));
}

TEST_F(LoadConfigTest, ACertificateAndItsKeyGoTogether) {
  EXPECT_THAT(Failure({}, {{"CERTFILE", "/x"}}), HasSubstr("set KEYFILE"));
  EXPECT_THAT(Failure({}, {{"KEYFILE", "/x"}}), HasSubstr("set CERTFILE"));
  EXPECT_EQ(Loaded({}, {{"CERTFILE", "/c"}, {"KEYFILE", "/k"}}).keyfile, "/k");
  EXPECT_THAT(Failure({}, {{"CERTFILE", "/c"}, {"KEYFILE", "/k"}, {"WEB_CONFIG_FILE", "/w"}}),
              HasSubstr("CERTFILE and WEB_CONFIG_FILE are both set"));
}

TEST_F(LoadConfigTest, ClientCertificatesNeedAuthoritiesAndTls) {
  const Environment tls = {{"CERTFILE", "/c"}, {"KEYFILE", "/k"}};
  Environment all = tls;
  all["VERIFY_MODE"] = "CERT_REQUIRED";
  EXPECT_THAT(Failure({}, all), HasSubstr("set CA_CERTS"));
  all["CA_CERTS"] = "/a";
  EXPECT_EQ(Loaded({}, all).verify_mode, "cert_required");
  all.erase("VERIFY_MODE");
  EXPECT_THAT(Warnings({}, all), ElementsAre(HasSubstr("CA_CERTS is set and has no effect")));
  EXPECT_THAT(Failure({}, {{"CA_CERTS", "/a"}}), HasSubstr("without a certificate"));
  EXPECT_THAT(Failure({}, {{"CA_CERTS", "/a"}, {"VERIFY_MODE", "1"}}),
              HasSubstr("VERIFY_MODE is set without a certificate"));
}

TEST_F(LoadConfigTest, APlainAddressBesideNoCertificateIsNamedInAWarning) {
  EXPECT_THAT(Warnings({}, {{"INSECURE_BIND", "127.0.0.1:1"}}),
              ElementsAre(HasSubstr("INSECURE_BIND is set without a certificate")));
  EXPECT_THAT(Warnings({}, {{"INSECURE_BIND", "127.0.0.1:1"}, {"WEB_CONFIG_FILE", "/w"}}),
              IsEmpty());
}

TEST_F(LoadConfigTest, ThePathOfTheExternalUrlIsTheRootPathUnlessThatIsSet) {
  EXPECT_EQ(Loaded({"--web.external-url=https://example.org/eye/"}).root_path, "/eye");
  EXPECT_EQ(Loaded({"--web.external-url=/eye"}).root_path, "/eye");
  EXPECT_EQ(Loaded({"--web.external-url=http://[::1]:80"}).root_path, "");
  EXPECT_EQ(
      Loaded({"--web.external-url=https://example.org/eye", "--web.route-prefix=/"}).root_path, "");
  EXPECT_EQ(Loaded({"--web.external-url=https://example.org/eye"}, {{"ROOT_PATH", "/x"}}).root_path,
            "/x");
  EXPECT_EQ(Loaded({"check", "health", "--web.external-url=http://e/eye"}).root_path, "/eye");
}

TEST_F(LoadConfigTest, WhatWasGivenIsToldWithItsPlaceAndWithoutSecrets) {
  const auto line = Load({"--bind", "127.0.0.1:1", "--bind", "[::1]:2"},
                         {{"CERTFILE", "/c"}, {"KEYFILE", "/k"}, {"KEYFILE_PASSWORD", "hidden"}});
  ASSERT_TRUE(line) << line.error().message;
  std::vector<std::string> given;
  for (const GivenSetting& one : line->given) {
    given.push_back(one.name + "=" + one.value + " by " + one.where);
  }
  EXPECT_THAT(
      given,
      ElementsAre(HasSubstr("file_sd_directory="), "bind=127.0.0.1:1,[::1]:2 by --bind",
                  "certfile=/c by CERTFILE (environment)", "keyfile=/k by KEYFILE (environment)",
                  "keyfile_password=<secret> by KEYFILE_PASSWORD (environment)"));
}

TEST_F(LoadConfigTest, CheckConfigReadsWhatServingWould) {
  const auto line = Load({"check", "config", "--read-timeout", "5"}, {});
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->action, CommandLine::Action::kCheckConfig);
  EXPECT_EQ(line->config.read_timeout, std::chrono::seconds(5));
  EXPECT_THAT(Failure({"check"}), HasSubstr("expected `check config"));
  EXPECT_THAT(Failure({"check", "nothing"}), HasSubstr("expected `check config"));
}

TEST_F(LoadConfigTest, ServeIsWhatIsDoneWithoutAVerb) {
  const std::string file = File("[hypercorn]\nread_timeout = 7\n");
  for (const Arguments& arguments : {Arguments{"serve", file}, Arguments{file}}) {
    const auto line = Load(arguments);
    ASSERT_TRUE(line) << line.error().message;
    EXPECT_EQ(line->action, CommandLine::Action::kServe);
    EXPECT_EQ(line->config.read_timeout, std::chrono::seconds(7));
  }
  EXPECT_EQ(Load({"serve"})->action, CommandLine::Action::kServe);
  EXPECT_THAT(Failure({"serve", file, "x"}), HasSubstr("there is a CONFIG_FILE already"));
}

TEST_F(LoadConfigTest, AFirstWordThatIsKeptIsNoConfigFile) {
  for (const std::string word : {"get", "put", "add", "remove", "delete", "list", "find", "history",
                                 "revert", "watch", "export", "import", "brake", "config",
                                 "register", "renew", "leave", "completion", "health"}) {
    const auto line = Load({word, "--no-such-flag"});
    ASSERT_TRUE(line) << word;
    EXPECT_EQ(line->action, CommandLine::Action::kReserved) << word;
    EXPECT_EQ(line->reserved_word, word);
    EXPECT_THAT(Failure({"./" + word}), HasSubstr("./" + word));
    EXPECT_THAT(Failure({"serve", word}), HasSubstr(word));
  }
  EXPECT_EQ(Load({"help"})->action, CommandLine::Action::kHelp);
  EXPECT_EQ(Load({"version"})->action, CommandLine::Action::kVersion);
  EXPECT_THAT(Failure({"getter"}), HasSubstr("getter"));
}

TEST_F(LoadConfigTest, AcceptLossTakesTheDirectoryThatStandsBesideItOrThatOfTheSettings) {
  const auto named = Load({"accept-loss", "/other"}, {{"FILE_SD_DIRECTORY", "/srv"}});
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->action, CommandLine::Action::kAcceptLoss);
  EXPECT_EQ(named->config.file_sd_directory, "/other");
  // What only serving needs may be wrong.
  const auto set = Load({"accept-loss"}, {{"FILE_SD_DIRECTORY", "/srv"}, {"CERTFILE", "/c"}});
  ASSERT_TRUE(set) << set.error().message;
  EXPECT_EQ(set->config.file_sd_directory, "/srv");
  EXPECT_THAT(Failure({"accept-loss", "/a", "/b"}), HasSubstr("--help"));
}

TEST_F(LoadConfigTest, VerifyModesAreTakenAsPythonWritesThem) {
  for (const char* mode : {"CERT_NONE", "cert_none", "0", "VerifyMode.CERT_NONE"}) {
    EXPECT_THAT(Warnings({}, {{"VERIFY_MODE", mode}}), IsEmpty()) << mode;
  }
  for (const char* mode : {"CERT_MAYBE", "3", "none", "CERT_NONE,CERT_REQUIRED"}) {
    EXPECT_THAT(Failure({}, {{"VERIFY_MODE", mode}}),
                HasSubstr("expected CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED"))
        << mode;
  }
}

TEST_F(LoadConfigTest, EverySettingWithoutAMeaningIsNamedInOneWarningWithoutItsValue) {
  for (const Setting& setting : Settings()) {
    if (setting.topic != SettingTopic::kIgnored) continue;
    const auto by_variable = Warnings({}, {{VariableOf(setting), "SoMeThInG"}});
    ASSERT_EQ(by_variable.size(), 1U) << setting.name;
    EXPECT_THAT(by_variable[0], HasSubstr(VariableOf(setting) + " (environment) is set"));
    EXPECT_THAT(by_variable[0], ::testing::Not(HasSubstr("SoMeThInG")));
    File(fmt::format("[hypercorn]\n{}: SoMeThInG\n", setting.name));
    const auto by_both = Warnings({path_}, {{VariableOf(setting), "SoMeThInG"}});
    EXPECT_EQ(by_both, by_variable) << setting.name;
  }
}

TEST_F(LoadConfigTest, AnUnknownVariableIsNothingToUs) {
  EXPECT_THAT(Warnings({}, {{"PATH", "/bin"}, {"HOME", "/root"}, {"READ_TIMEOUTS", "x"}}),
              IsEmpty());
}

TEST_F(LoadConfigTest, TheUserOfALoginIsNoSetting) {
  EXPECT_EQ(Loaded({}, {{"USER", "alice"}, {"LOGNAME", "alice"}}).user, "");
  EXPECT_EQ(Loaded({}, {{"USER", "nobody"}, {"LOGNAME", "root"}}).user, "nobody");
  EXPECT_EQ(Loaded({}, {{"USER", "nobody"}}).user, "nobody");
}

TEST_F(LoadConfigTest, AnUnknownKeyIsAnErrorInOurSectionAndAWarningInTheServers) {
  EXPECT_EQ(Failure({File("[target-eye]\nfile_sd_dir = /x\n")}),
            path_ +
                ":2: \"file_sd_dir\": unknown setting; did you mean file_sd_directory in "
                "[target-eye]? see --help for those there are");
  EXPECT_THAT(Warnings({File("[hypercorn]\nwat: 1\n")}),
              ElementsAre(path_ + ":2: \"wat\": unknown setting, it has no effect"));
  EXPECT_THAT(Warnings({File("[hypercorn]\nlog_level: debug\n")}),
              ElementsAre(path_ + ":2: \"log_level\": unknown setting, it has no effect; did you "
                                  "mean loglevel in [hypercorn]?"));
}

TEST_F(LoadConfigTest, AKeyInTheOtherSectionIsAnError) {
  EXPECT_EQ(Failure({File("[hypercorn]\nfile_sd_directory = /x\n")}),
            path_ + ":2: file_sd_directory: expected in section [target-eye], not in [hypercorn]");
  EXPECT_EQ(Failure({File("[target-eye]\nbind = /x\n")}),
            path_ + ":2: bind: expected in section [hypercorn], not in [target-eye]");
}

TEST_F(LoadConfigTest, AnUnknownSectionIsNamedOnce) {
  const auto warnings = Warnings({File("[uvicorn]\na: b\nc: d\n[hypercorn]\nbacklog: 7\n")});
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr(":2: section \"uvicorn\" has no meaning here"));
}

TEST_F(LoadConfigTest, TrustInEverybodyIsNamedInAWarning) {
  EXPECT_THAT(
      Warnings({}, {{"FILE_SD_DIRECTORY", "/x"}, {"TRUSTED_PROXIES", "10.0.0.0/8,::/0"}}),
      testing::ElementsAre(HasSubstr("TRUSTED_PROXIES has ::/0: every client is believed")));
}

TEST_F(LoadConfigTest, TheSectionOfDefaultsIsAnError) {
  EXPECT_EQ(Failure({File("[DEFAULT]\nbind: x\n")}),
            path_ + ":2: section [DEFAULT] is not supported; expected each key in its own section");
}

TEST_F(LoadConfigTest, AMisspeltSectionIsAnError) {
  EXPECT_THAT(Failure({File("[target_eye]\nfile_sd_directory: /x\n")}),
              HasSubstr("section \"target_eye\": expected [target-eye]"));
  EXPECT_THAT(Failure({File("[Hypercorn]\nbind: x\n")}), HasSubstr("expected [hypercorn]"));
}

TEST_F(LoadConfigTest, HelpVersionAndReferenceNeedNoConfig) {
  using Action = CommandLine::Action;
  const auto action = [](const Arguments& arguments) { return LoadConfig(arguments, {})->action; };
  EXPECT_EQ(action({"--help"}), Action::kHelp);
  EXPECT_EQ(action({"-h"}), Action::kHelp);
  EXPECT_EQ(action({"--version"}), Action::kVersion);
  EXPECT_EQ(action({"--settings-reference"}), Action::kSettingsReference);
  EXPECT_EQ(action({"/nonexistent", "--version", "--help"}), Action::kHelp);
  EXPECT_EQ(LoadConfig({}, {{"FILE_SD_DIRECTORY", "/x"}})->action, Action::kServe);
}

}  // namespace
}  // namespace target_eye
