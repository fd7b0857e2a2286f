#include "config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "config/apply.h"
#include "config/config.h"
#include "config/config_entry.h"
#include "config/reference.h"
#include "config/settings_table.h"

namespace target_eye {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

const Setting& Find(std::string_view name) {
  const auto all = Settings();
  const auto setting = std::ranges::find(all, name, &Setting::name);
  EXPECT_NE(setting, all.end()) << name;
  return *setting;
}

std::string Problem(std::string_view name, const ConfigValue& value) {
  Config config;
  return Apply(Find(name), value, config).value_or("none");
}

std::string Problem(std::string_view name, std::string text) {
  return Problem(name, ConfigValue::Text(std::move(text)));
}

TEST(SettingsTest, EverySpellingIsUnique) {
  std::set<std::string> flags;
  std::set<std::string> variables;
  for (const Setting& setting : Settings()) {
    EXPECT_TRUE(flags.insert(FlagOf(setting)).second) << setting.name;
    if (!setting.other_flag.empty()) {
      EXPECT_TRUE(flags.insert(OtherFlagOf(setting)).second) << setting.name;
    }
    EXPECT_TRUE(variables.insert(VariableOf(setting)).second) << setting.name;
    if (!setting.other_variable.empty()) {
      EXPECT_TRUE(variables.insert(std::string(setting.other_variable)).second) << setting.name;
    }
  }
}

TEST(SettingsTest, EveryRowIsWhole) {
  for (const Setting& setting : Settings()) {
    EXPECT_THAT(std::string(setting.name), MatchesRegex("[a-z][a-z0-9_]*"));
    EXPECT_TRUE(setting.section == "hypercorn" || setting.section == "target-eye") << setting.name;
    EXPECT_THAT(std::string(setting.doc), MatchesRegex("[A-Z`].*\\.")) << setting.name;
    EXPECT_EQ(Works(setting), setting.topic < SettingTopic::kRefused) << setting.name;
    EXPECT_EQ(setting.refusal != nullptr, setting.topic == SettingTopic::kRefused) << setting.name;
    if (setting.kind == SettingKind::kWord) {
      EXPECT_FALSE(setting.words.empty()) << setting.name;
    }
    if (Works(setting)) {
      EXPECT_FALSE(DefaultOf(setting).empty()) << setting.name;
      EXPECT_FALSE(Placeholder(setting).empty()) << setting.name;
    }
  }
}

TEST(SettingsTest, EverySettingOfTheSpecificationIsThere) {
  for (const char* name : {"bind",
                           "insecure_bind",
                           "quic_bind",
                           "certfile",
                           "keyfile",
                           "keyfile_password",
                           "ca_certs",
                           "verify_mode",
                           "verify_flags",
                           "ciphers",
                           "alpn_protocols",
                           "accesslog",
                           "errorlog",
                           "access_log_format",
                           "loglevel",
                           "backlog",
                           "keep_alive_timeout",
                           "read_timeout",
                           "graceful_timeout",
                           "shutdown_timeout",
                           "startup_timeout",
                           "ssl_handshake_timeout",
                           "h11_max_incomplete_size",
                           "h2_max_concurrent_streams",
                           "h2_max_header_list_size",
                           "h2_max_inbound_frame_size",
                           "include_server_header",
                           "server_names",
                           "root_path",
                           "pid_path",
                           "user",
                           "group",
                           "umask",
                           "workers",
                           "statsd_host",
                           "statsd_prefix",
                           "dogstatsd_tags",
                           "max_app_queue_size",
                           "worker_class",
                           "use_reloader",
                           "debug",
                           "logconfig",
                           "logconfig_dict",
                           "websocket_max_message_size",
                           "websocket_ping_interval",
                           "alt_svc_headers",
                           "file_sd_directory"}) {
    EXPECT_EQ(Find(name).name, name);
  }
}

TEST(SettingsTest, TheDefaultsThatAreShownAreThoseInForce) {
  const Config defaults;
  for (const Setting& setting : Settings()) {
    if (!Works(setting) || !setting.default_note.empty()) continue;
    std::string text = DefaultOf(setting);
    std::erase(text, '`');
    Config config;
    EXPECT_EQ(Apply(setting, ConfigValue::Text(text), config), std::nullopt) << setting.name;
    EXPECT_TRUE(std::visit(
        [&config, &defaults](auto field) {
          if constexpr (std::is_same_v<decltype(field), std::monostate>) {
            return false;
          } else {
            return config.*field == defaults.*field;
          }
        },
        setting.field))
        << setting.name;
  }
}

TEST(SettingsTest, AWrongFormIsToldWithWhatIsExpected) {
  EXPECT_EQ(Problem("read_timeout", "abc"), R"("abc": expected seconds, e.g. 5 or 2.5)");
  EXPECT_EQ(Problem("backlog", "many"), R"("many": expected a whole number)");
  EXPECT_EQ(Problem("body_limit", "1 MB"),
            R"("1 MB": expected a number of bytes, e.g. 65536, 64KiB or 1MiB)");
  EXPECT_EQ(Problem("include_server_header", "maybe"), R"("maybe": expected true or false)");
  EXPECT_EQ(Problem("umask", "888"), R"("888": expected octal digits up to 777, e.g. 022)");
  EXPECT_EQ(Problem("bind", "a,,b"),
            R"("a,,b": expected values separated by commas, none of them empty)");
  EXPECT_EQ(Problem("trusted_proxies", "10.0.0.1, 10.0.0.1/8"),
            R"("10.0.0.1, 10.0.0.1/8": expected addresses, networks such as 10.0.0.0/8 (no bits )"
            "set behind its first 8), or unix, separated by commas");
  EXPECT_EQ(Problem("file_sd_layout", "files"), R"("files": expected file or group)");
  EXPECT_EQ(
      Problem("loglevel", "loud"),
      R"("loud": expected debug, info, warning, error or critical (or trace, notset, notice, )"
      "warn, err, crit, fatal, alert, emerg, panic, 0, 10, 20, 30, 40, 50)");
  EXPECT_EQ(Problem("root_path", "x"),
            R"("x": expected a path that begins with `/`, e.g. /target-eye)");
  EXPECT_EQ(Problem("state_directory", "a\nb"), R"("a\x0ab": expected one line of text)");
}

TEST(SettingsTest, AValueOutOfRangeIsToldWithTheRange) {
  EXPECT_EQ(Problem("read_timeout", "0"), R"("0": expected 0.001 to 86400 seconds)");
  EXPECT_EQ(Problem("graceful_timeout", "25h"), R"("25h": expected 0 to 86400 seconds)");
  EXPECT_EQ(Problem("backlog", "0"), R"("0": expected 1 to 65535)");
  EXPECT_EQ(Problem("workers", "1025"), R"("1025": expected 0 to 1024)");
  EXPECT_EQ(Problem("body_limit", "10"), R"("10": expected 1KiB to 1024MiB)");
  std::string many = "a";
  for (int i = 0; i < 64; ++i) many += ",a";
  EXPECT_THAT(Problem("bind", many), HasSubstr("expected at most 64 values"));
  EXPECT_THAT(Problem("pid_path", std::string(4097, 'x')),
              HasSubstr("expected at most 4096 bytes"));
}

TEST(SettingsTest, TheBoundsThemselvesAreTaken) {
  EXPECT_EQ(Problem("backlog", "1"), "none");
  EXPECT_EQ(Problem("backlog", "65535"), "none");
  EXPECT_EQ(Problem("read_timeout", "1ms"), "none");
  EXPECT_EQ(Problem("read_timeout", "24h"), "none");
  EXPECT_EQ(Problem("pid_path", std::string(4096, 'x')), "none");
}

TEST(SettingsTest, ATypeOfTomlThatDoesNotFitIsRefused) {
  using Form = ConfigValue::Form;
  EXPECT_THAT(Problem("file_sd_directory", {Form::kNumber, {"5"}}), HasSubstr("one line of text"));
  EXPECT_THAT(Problem("backlog", {Form::kBoolean, {"true"}}), HasSubstr("a whole number"));
  EXPECT_THAT(Problem("read_timeout", {Form::kList, {"5"}}), HasSubstr("seconds"));
  EXPECT_THAT(Problem("bind", {Form::kOther, {"a table or a date"}}),
              HasSubstr("values separated"));
  EXPECT_THAT(Problem("include_server_header", {Form::kNumber, {"1"}}), HasSubstr("true or false"));
  EXPECT_EQ(Problem("user", {Form::kNumber, {"65534"}}), "none");
  EXPECT_EQ(Problem("backlog", {Form::kNumber, {"5"}}), "none");
}

TEST(SettingsTest, ANumberOfTomlIsTheUmaskItself) {
  Config config;
  ASSERT_EQ(Apply(Find("umask"), {ConfigValue::Form::kNumber, {"18"}}, config), std::nullopt);
  EXPECT_EQ(config.umask, 022);
  EXPECT_THAT(Problem("umask", {ConfigValue::Form::kNumber, {"512"}}), HasSubstr("octal"));
}

TEST(SettingsTest, ARefusedValueLeavesTheConfigAsItWas) {
  Config config;
  config.bind = {"a:1"};
  EXPECT_NE(Apply(Find("bind"), ConfigValue::Text("b,"), config), std::nullopt);
  EXPECT_THAT(config.bind, ::testing::ElementsAre("a:1"));
}

TEST(SettingsTest, ARootPathLosesItsLastSlash) {
  Config config;
  for (const auto& [text, expected] :
       {std::pair{"/a/b/", "/a/b"}, {"/a", "/a"}, {"/", ""}, {"///", ""}}) {
    ASSERT_EQ(Apply(Find("root_path"), ConfigValue::Text(text), config), std::nullopt);
    EXPECT_EQ(config.root_path, expected);
  }
  for (const char* text : {"a/", "/a b", "/a?b", "/a#b", "/%41", "/\x01"}) {
    EXPECT_NE(Problem("root_path", std::string(text)), "none") << text;
  }
}

TEST(SettingsTest, WordsAreTakenInAnyCase) {
  Config config;
  ASSERT_EQ(Apply(Find("loglevel"), ConfigValue::Text("WARNING"), config), std::nullopt);
  EXPECT_EQ(config.log_level, "warning");
  EXPECT_NE(Problem("loglevel", "debug|info"), "none");
}

TEST(SettingsTest, LevelsAreTakenAsOtherProgramsCallThem) {
  for (const auto& [text, expected] : {std::pair{"warn", "warning"},
                                       {"WARN", "warning"},
                                       {" Warning ", "warning"},
                                       {"FATAL", "critical"},
                                       {"Critical", "critical"},
                                       {"trace", "debug"},
                                       {"NOTSET", "debug"},
                                       {"err", "error"},
                                       {"20", "info"},
                                       {"50", "critical"}}) {
    Config config;
    EXPECT_EQ(Apply(Find("loglevel"), ConfigValue::Text(text), config), std::nullopt) << text;
    EXPECT_EQ(config.log_level, expected) << text;
  }
  Config config;
  EXPECT_EQ(Apply(Find("loglevel"), {ConfigValue::Form::kNumber, {"30"}}, config), std::nullopt);
  EXPECT_EQ(config.log_level, "warning");
  for (const char* text : {"15", "warn=warning", "warn|err", "", "off"}) {
    EXPECT_NE(Problem("loglevel", std::string(text)), "none") << text;
  }
}

TEST(SettingsTest, EverySynonymIsOneOfAWord) {
  for (const Setting& setting : Settings()) {
    for (std::string_view rest = setting.synonyms; !rest.empty();) {
      const std::string_view one = rest.substr(0, rest.find('|'));
      Config config;
      EXPECT_EQ(
          Apply(setting, ConfigValue::Text(std::string(one.substr(0, one.find('=')))), config),
          std::nullopt)
          << one;
      rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    }
  }
}

TEST(SettingsTest, AnExternalUrlIsAnAddressOrAPath) {
  for (const char* text : {"http://e", "https://e:8443/a/b/", "http://[::1]:1/", "/", "/eye/"}) {
    EXPECT_EQ(Problem("external_url", std::string(text)), "none") << text;
  }
  for (const char* text :
       {"e/eye", "eye", "ftp://e", "http://", "http:///a", "https://u:p@e/", "//e/a", "http://e//a",
        "http://e/?a", "/a'b", "http://e/#a", "http://e/a b", "'http://e'", "\x01"}) {
    EXPECT_THAT(Problem("external_url", std::string(text)), HasSubstr("expected http://HOST"))
        << text;
  }
}

TEST(SettingsTest, HelpFitsAHundredColumnsAndNamesEverySetting) {
  const std::string help = HelpText();
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 100U) << line;
    EXPECT_EQ(line.find('`'), std::string::npos) << line;
    EXPECT_FALSE(line.ends_with(' ')) << line;
  }
  for (const Setting& setting : Settings()) {
    EXPECT_EQ(help.find("  " + FlagOf(setting)) != std::string::npos, Works(setting))
        << setting.name;
    if (!Works(setting)) continue;
    EXPECT_THAT(help, HasSubstr(VariableOf(setting)));
    EXPECT_THAT(help, HasSubstr(OtherFlagOf(setting)));
    EXPECT_THAT(help, HasSubstr(setting.other_variable));
  }
}

TEST(SettingsTest, TheReferenceNamesEverySetting) {
  const std::string reference = SettingsReference();
  for (const Setting& setting : Settings()) {
    EXPECT_THAT(reference, HasSubstr("\n- `" + std::string(setting.name) + "`"));
    EXPECT_THAT(reference, HasSubstr("`" + VariableOf(setting)));
  }
}

TEST(SettingsTest, TheCommittedReferenceIsTheGeneratedOne) {
  std::ifstream file(TARGET_EYE_SOURCE_DIR "/docs/configuration.md");
  std::ostringstream committed;
  committed << file.rdbuf();
  EXPECT_TRUE(committed.str() == SettingsReference())
      << "run: build/release/target-eye --settings-reference > docs/configuration.md";
}

}  // namespace
}  // namespace target_eye
