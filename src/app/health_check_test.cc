#include "app/health_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "app/app.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

class HealthCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    config_.file_sd_directory = directory_.path();
    config_.workers = 1;
  }

  // Starts the program on `address`; `config_` then names the address that it really has.
  void Serve(const std::string& address) {
    config_.bind = {address};
    app_.emplace(config_);
    const auto started = app_->Start();
    ASSERT_TRUE(started) << started.error().message;
    config_.bind = app_->addresses();
  }

  std::string Failure(bool tls = false) const {
    const auto healthy = CheckHealth(config_, tls);
    return healthy ? "it is healthy" : healthy.error().message;
  }

  const TempDirectory directory_;
  Config config_;
  std::optional<App> app_;
};

TEST_F(HealthCheckTest, AnInstanceThatServesIsHealthy) {
  config_.root_path = "/eye";
  config_.server_names = {"eye.example"};
  Serve("127.0.0.1:0");
  EXPECT_EQ(CheckHealth(config_, false), config_.bind.front());
}

TEST_F(HealthCheckTest, AnyAddressOfTheMachineIsAskedByItsLoopback) {
  Serve("0.0.0.0:0");
  EXPECT_THAT(config_.bind.front(), testing::StartsWith("0.0.0.0:"));
  EXPECT_TRUE(CheckHealth(config_, false));
}

TEST_F(HealthCheckTest, AUnixSocketIsAsked) {
  Serve("unix:" + directory_ / "socket");
  EXPECT_TRUE(CheckHealth(config_, false));
}

TEST_F(HealthCheckTest, WhereNobodyListensItSaysSo) {
  Serve("127.0.0.1:0");
  app_.reset();
  EXPECT_EQ(Failure(), config_.bind.front() + " is not healthy: Connection refused");
}

TEST_F(HealthCheckTest, AnotherAnswerThan200IsNamed) {
  Serve("127.0.0.1:0");
  config_.root_path = "/elsewhere/entirely";
  EXPECT_THAT(Failure(), HasSubstr("it answered \"HTTP/1.1 404 \""));
}

TEST_F(HealthCheckTest, PlainServerIsNotTakenForOneOfTls) {
  Serve("127.0.0.1:0");
  EXPECT_THAT(Failure(true), HasSubstr("wrong version number"));
}

TEST_F(HealthCheckTest, InsecureBindIsAskedBesideTls) {
  Serve("127.0.0.1:0");
  config_.insecure_bind = config_.bind;
  config_.bind = {"127.0.0.1:1"};
  EXPECT_TRUE(CheckHealth(config_, true));
}

TEST_F(HealthCheckTest, APassedDescriptorCannotBeAsked) {
  config_.bind = {"fd://3"};
  EXPECT_THAT(Failure(), HasSubstr("put another one first in BIND"));
}

}  // namespace
}  // namespace target_eye
