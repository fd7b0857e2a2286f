#include "app/reloader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <utility>

#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using testing::HasSubstr;

// Loads two files that must be equal, as a certificate and its key must fit each other.
class ReloaderTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("a", "1");
    Write("b", "1");
    reloader_.Start(Files());
  }

  // By renaming, as certificate managers do.
  void Write(const std::string& name, const std::string& text) {
    root_.Write(name + ".new", text);
    std::filesystem::rename(root_ / (name + ".new"), root_ / name);
  }

  std::vector<std::string> Files() const { return {root_ / "a", root_ / "b"}; }

  Expected<std::vector<std::string>> Load() {
    ++loads_;
    if (root_.Read("a") != root_.Read("b") || root_.Read("a").empty()) {
      if (after_failure_) std::exchange(after_failure_, {})();
      return Invalid("a and b do not fit");
    }
    in_use_ = std::stoi(root_.Read("a"));
    return Files();
  }

  static void WaitFor(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  double Metric(std::string_view name) {
    const std::string text = metrics_.Render();
    const std::size_t at = text.find("\n" + std::string(name) + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  double Failures() { return Metric("target_eye_config_reload_failures_total"); }

  std::string ReloadNow() {
    std::promise<std::string> result;
    reloader_.Reload([&result](std::string error) { result.set_value(std::move(error)); });
    return result.get_future().get();
  }

  const TempDirectory root_;
  Metrics metrics_;
  std::atomic<int> loads_ = 0;
  std::atomic<int> in_use_ = 1;
  std::function<void()> after_failure_;  // Called once, on the reloader's thread.
  Reloader reloader_{[this] { return Load(); }, metrics_, std::chrono::milliseconds(20)};
};

TEST_F(ReloaderTest, ChangedFilesAreLoaded) {
  Write("a", "2");
  Write("b", "2");
  WaitFor([this] { return in_use_ == 2; });
  EXPECT_EQ(Failures(), 0);
  EXPECT_EQ(Metric("target_eye_config_last_reload_successful"), 1);
}

TEST_F(ReloaderTest, FilesThatStayAreNotLoadedAgain) {
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(loads_, 0);
  EXPECT_GT(Metric("target_eye_config_last_reload_success_timestamp_seconds"), 0);
}

TEST_F(ReloaderTest, HalfOfAChangeIsNoFailure) {
  after_failure_ = [this] { Write("b", "2"); };
  Write("a", "2");
  WaitFor([this] { return in_use_ == 2; });
  EXPECT_EQ(loads_, 2);
  EXPECT_EQ(Failures(), 0);
}

TEST_F(ReloaderTest, ABrokenChangeIsOneFailureAndWhatWasLoadedStays) {
  Write("a", "2");
  WaitFor([this] { return Failures() == 1; });
  EXPECT_EQ(Metric("target_eye_config_last_reload_successful"), 0);
  const int loads = loads_;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(loads_, loads);
  EXPECT_EQ(Failures(), 1);
  EXPECT_EQ(in_use_, 1);
}

TEST_F(ReloaderTest, AMendedFileIsLoadedAfterAFailure) {
  Write("a", "2");
  WaitFor([this] { return Failures() == 1; });
  Write("b", "2");
  WaitFor([this] { return in_use_ == 2; });
  EXPECT_EQ(Metric("target_eye_config_last_reload_successful"), 1);
}

TEST_F(ReloaderTest, AFileThatVanishesAndComesBackIsLoaded) {
  std::filesystem::remove(root_ / "a");
  WaitFor([this] { return Failures() == 1; });
  Write("a", "3");
  Write("b", "3");
  WaitFor([this] { return in_use_ == 3; });
}

TEST_F(ReloaderTest, AChangeBehindALinkIsSeen) {
  std::filesystem::create_directories(root_ / "v1");
  std::filesystem::create_directories(root_ / "v2");
  root_.Write("v1/a", "1");
  root_.Write("v2/a", "2");
  std::filesystem::create_symlink("v1", root_ / "current");
  std::filesystem::remove(root_ / "a");
  std::filesystem::create_symlink("current/a", root_ / "a");
  EXPECT_EQ(ReloadNow(), "");
  Write("b", "2");
  std::filesystem::create_symlink("v2", root_ / "next");
  std::filesystem::rename(root_ / "next", root_ / "current");
  WaitFor([this] { return in_use_ == 2; });
}

TEST_F(ReloaderTest, AReloadOnDemandGivesItsOutcome) {
  EXPECT_EQ(ReloadNow(), "");
  Write("a", "2");
  EXPECT_THAT(ReloadNow(), HasSubstr("do not fit"));
  EXPECT_EQ(Failures(), 1);
}

TEST_F(ReloaderTest, AReloadAfterTheStopIsAnError) {
  reloader_.Stop();
  EXPECT_THAT(ReloadNow(), HasSubstr("stopping"));
}

}  // namespace
}  // namespace target_eye
