#include "app/app.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "app/import.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

class AppTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.file_sd_directory = directory_;
    config_.bind = {"127.0.0.1:0"};
    config_.workers = 1;
  }

  static void WaitUntilReady(App& app) {
    while (!app.FinishStart()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  static std::string OutputOf(const std::string& command) {
    std::FILE* const pipe = popen(command.c_str(), "r");
    std::string output;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
    pclose(pipe);
    return output;
  }

  std::string Published() const {
    std::ifstream file(directory_ + "/targets.json");
    return (std::stringstream() << file.rdbuf()).str();
  }

  const TempDirectory temporary_;
  const std::string directory_ = temporary_.path();
  Config config_;
};

TEST_F(AppTest, StartsOnAFreePortPublishesAndStops) {
  App app(config_);
  const auto started = app.Start();
  ASSERT_TRUE(started.has_value()) << started.error().message;
  ASSERT_EQ(app.addresses().size(), 1);
  EXPECT_THAT(app.addresses()[0], testing::Not(testing::EndsWith(":0")));
  WaitUntilReady(app);
  EXPECT_EQ(Published(), "[]\n");
  app.Stop();
}

TEST_F(AppTest, NothingIsBlamedWhereTheStartIsOnlyNotFinished) {
  App app(config_);
  ASSERT_TRUE(app.Start().has_value());
  const std::string ready = "http://" + app.addresses()[0] + "/-/ready";
  std::string told;
  do {
    told = OutputOf("curl -s " + ready);
  } while (told.contains("nothing is published yet"));
  EXPECT_EQ(told, "{\"message\":\"all is published, and the start is about to be finished\"}\n");
  WaitUntilReady(app);
  EXPECT_EQ(OutputOf("curl -s " + ready), "{\"message\":\"target-eye is ready\"}\n");
}

TEST_F(AppTest, ASecondInstanceOnTheDirectoryIsRefused) {
  App first(config_);
  ASSERT_TRUE(first.Start().has_value());
  WaitUntilReady(first);
  App second(config_);
  const auto refused = second.Start();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInUse);
}

TEST_F(AppTest, TheSamePortTwiceIsRefused) {
  App first(config_);
  ASSERT_TRUE(first.Start().has_value());
  Config other = config_;
  other.bind = first.addresses();
  other.file_sd_directory = directory_ + "/other";
  App second(other);
  const auto refused = second.Start();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message, HasSubstr(first.addresses()[0]));
  EXPECT_FALSE(std::filesystem::exists(other.file_sd_directory));
}

TEST_F(AppTest, WhatThePythonProgramLeftIsTakenOver) {
  // MD5 of "webprod".
  const std::string name = "6e35e1726656ec0264bcb65b5d1642e5.json";
  const std::string group = R"({"targets":["h:1"],"labels":{"env":"prod","job":"web"}})";
  std::ofstream(directory_ + "/" + name) << "[" << group << "]";
  App app(config_);
  const auto started = app.Start();
  ASSERT_TRUE(started.has_value()) << started.error().message;
  WaitUntilReady(app);
  EXPECT_EQ(Published(), "[\n" + group + "\n]\n");
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/" + name));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/.target-eye/imported/" + name));
}

// What is left where somebody removed `.target-eye/` while nothing was registered.
TEST_F(AppTest, AnEmptyListOfOursIsTakenOver) {
  std::ofstream(directory_ + "/targets.json") << "[]\n";
  App app(config_);
  const auto started = app.Start();
  ASSERT_TRUE(started.has_value()) << started.error().message;
  WaitUntilReady(app);
  EXPECT_EQ(Published(), "[]\n");
}

TEST(RenameCommandTest, NamesTheGroupAndWhereItIs) {
  EXPECT_EQ(RenameCommand("127.0.0.1:1", {"a b", "e"}),
            "curl -sSf 'http://127.0.0.1:1/a%20b/e' | curl -sSf -X PUT "
            "-H 'Content-Type: application/json' --data-binary @- "
            "'http://127.0.0.1:1/<application>/<environment>' && curl -sSf -X DELETE "
            "'http://127.0.0.1:1/a%20b/e'");
  EXPECT_THAT(RenameCommand("https://e.example/eye", {"a", "e"}),
              HasSubstr("curl -sSf 'https://e.example/eye/a/e' |"));
  EXPECT_THAT(RenameCommand("unix:/run/t.sock", {"a", "e"}),
              HasSubstr("curl -sSf --unix-socket '/run/t.sock' 'http://localhost/a/e'"));
}

}  // namespace
}  // namespace target_eye
