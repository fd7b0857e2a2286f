#include "config/meant_setting.h"

#include <gtest/gtest.h>

#include <string>

#include "config/settings.h"
#include "config/settings_table.h"

namespace target_eye {
namespace {

std::string Meant(std::string_view name) {
  const Setting* const setting = MeantSetting(name);
  return setting == nullptr ? "none" : std::string(setting->name);
}

TEST(MeantSettingTest, AnySpellingOfANameIsThatName) {
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    EXPECT_EQ(Meant(setting.name), setting.name);
    EXPECT_EQ(Meant(VariableOf(setting)), setting.name);
    EXPECT_EQ(Meant(FlagOf(setting).substr(1)), setting.name);
    if (!setting.other_flag.empty()) {
      EXPECT_EQ(Meant(OtherFlagOf(setting)), setting.name);
    }
  }
}

TEST(MeantSettingTest, SlipsOfALetterOrTwoAreSeen) {
  EXPECT_EQ(Meant("--web.listen-adress"), "bind");
  EXPECT_EQ(Meant("--web.rout-prefix"), "root_path");
  EXPECT_EQ(Meant("--web.config-file"), "web_config_file");
  EXPECT_EQ(Meant("file_sd_direcotry"), "file_sd_directory");
  EXPECT_EQ(Meant("log_level"), "loglevel");
  EXPECT_EQ(Meant("access_log"), "accesslog");
  EXPECT_EQ(Meant("cert_file"), "certfile");
  EXPECT_EQ(Meant("server_name"), "server_names");
  EXPECT_EQ(Meant("bnid"), "bind");
}

TEST(MeantSettingTest, WhatOthersCallItIsSeen) {
  EXPECT_EQ(Meant("--storage.tsdb.path"), "state_directory");
  EXPECT_EQ(Meant("file_sd_dir"), "file_sd_directory");
  EXPECT_EQ(Meant("--port"), "bind");
  EXPECT_EQ(Meant("--tls-cert"), "certfile");
}

TEST(MeantSettingTest, AStrangerIsNobody) {
  for (const char* name :
       {"", "-", "--", "wat", "--no-such-flag", "colour", "--storage.tsdb.retention.time",
        "--enable-feature", "proxy", "retries"}) {
    EXPECT_EQ(Meant(name), "none") << name;
  }
  EXPECT_EQ(Meant(std::string(100'000, 'b')), "none");
}

}  // namespace
}  // namespace target_eye
