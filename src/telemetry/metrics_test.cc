#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "telemetry/version.h"

namespace target_eye {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::MatchesRegex;

// Everything, so that every family has a sample.
void Fill(Metrics& metrics) {
  metrics.ObserveRequest(200, "GET", "group", Metrics::Seconds(0.001));
  metrics.ConnectionOpened();
  metrics.ConnectionOpened();
  metrics.ConnectionClosed();
  metrics.ConnectionRejected();
  metrics.ObserveCommit(3, Metrics::Seconds(0.002));
  metrics.CommitFailed();
  metrics.ObservePublication("file_sd", Metrics::Seconds(0.003), 7);
  metrics.PublicationFailed("file_sd");
  metrics.PublicationChanged("file_sd");
  metrics.SetPublicationRunning("file_sd", Metrics::Seconds(0.5));
  metrics.SetReady(true);
  metrics.SetState(2, 5, 7);
  metrics.TlsHandshakeFailed();
  metrics.SetTlsCertificateExpiry(std::chrono::system_clock::time_point(std::chrono::seconds(9)));
  metrics.ObserveLogin("success");
  metrics.AccessDenied();
  metrics.ObserveReload(true);
  metrics.ObserveReload(false);
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The value of the sample whose name and labels are `series`; fails the test where there is none.
double Value(const std::string& text, const std::string& series) {
  for (const std::string& line : Lines(text)) {
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  }
  ADD_FAILURE() << "no " << series << " in\n" << text;
  return 0;
}

TEST(MetricsTest, EachEventMovesItsFamily) {
  Metrics metrics;
  Fill(metrics);
  const std::string text = metrics.Render();
  EXPECT_EQ(
      Value(text, R"(target_eye_http_requests_total{code="200",method="GET",handler="group"})"), 1);
  EXPECT_EQ(Value(text, R"(target_eye_http_request_duration_seconds_count{handler="group"})"), 1);
  EXPECT_EQ(Value(text, "target_eye_http_connections"), 1);
  EXPECT_EQ(Value(text, "target_eye_http_connections_total"), 2);
  EXPECT_EQ(Value(text, "target_eye_http_rejected_connections_total"), 1);
  EXPECT_EQ(Value(text, "target_eye_commit_batch_size_sum"), 3);
  EXPECT_EQ(Value(text, "target_eye_commit_duration_seconds_count"), 1);
  EXPECT_EQ(Value(text, "target_eye_commit_failures_total"), 1);
  EXPECT_EQ(Value(text, R"(target_eye_publications_total{publisher="file_sd"})"), 1);
  EXPECT_EQ(Value(text, R"(target_eye_publication_failures_total{publisher="file_sd"})"), 1);
  EXPECT_EQ(Value(text, R"(target_eye_publication_duration_seconds_count{publisher="file_sd"})"),
            1);
  EXPECT_EQ(Value(text, R"(target_eye_published_revision{publisher="file_sd"})"), 7);
  EXPECT_GT(
      Value(text, R"(target_eye_publication_last_change_timestamp_seconds{publisher="file_sd"})"),
      0);
  EXPECT_EQ(Value(text, "target_eye_ready"), 1);
  EXPECT_EQ(Value(text, "target_eye_groups"), 2);
  EXPECT_EQ(Value(text, "target_eye_targets"), 5);
  EXPECT_EQ(Value(text, "target_eye_revision"), 7);
}

TEST(MetricsTest, WhatHasNotHappenedYetIsZeroNotAbsent) {
  Metrics metrics;
  const std::string text = metrics.Render();
  for (const char* series :
       {"target_eye_http_connections", "target_eye_http_connections_total",
        "target_eye_http_rejected_connections_total", "target_eye_commit_failures_total",
        "target_eye_groups", "target_eye_targets", "target_eye_revision"}) {
    EXPECT_EQ(Value(text, series), 0) << series;
  }
}

TEST(MetricsTest, FailuresOfAPublisherAreThereFromItsFirstPublication) {
  Metrics metrics;
  metrics.ObservePublication("file_sd", Metrics::Seconds(0.003), 1);
  EXPECT_EQ(
      Value(metrics.Render(), R"(target_eye_publication_failures_total{publisher="file_sd"})"), 0);
}

TEST(MetricsTest, TheLastPublicationIsDatedNow) {
  using std::chrono::system_clock;
  const auto seconds = [](system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
  };
  const double before = seconds(system_clock::now());
  Metrics metrics;
  metrics.ObservePublication("file_sd", Metrics::Seconds(0.003), 1);
  const double value =
      Value(metrics.Render(),
            R"(target_eye_publication_last_success_timestamp_seconds{publisher="file_sd"})");
  EXPECT_GE(value, before - 1);
  EXPECT_LE(value, seconds(system_clock::now()) + 1);
}

TEST(MetricsTest, TheBuildIsNamed) {
  EXPECT_THAT(std::string(Version()), MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  Metrics metrics;
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("target_eye_build_info{"));
  EXPECT_THAT(text, HasSubstr("version=\"" + std::string(Version()) + "\""));
}

TEST(MetricsTest, TheProcessIsDescribed) {
  Metrics metrics;
  const std::string text = metrics.Render();
  EXPECT_GE(Value(text, "process_cpu_seconds_total"), 0);
  EXPECT_THAT(Value(text, "process_resident_memory_bytes"), Gt(100'000));
  EXPECT_THAT(Value(text, "process_virtual_memory_bytes"),
              Gt(Value(text, "process_resident_memory_bytes")));
  EXPECT_THAT(Value(text, "process_max_fds"), Gt(Value(text, "process_open_fds")));
  EXPECT_GE(Value(text, "process_threads"), 1);
  const auto now =
      static_cast<double>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
  EXPECT_THAT(Value(text, "process_start_time_seconds"), AllOf(Gt(now - 86'400), Lt(now + 60)));
}

TEST(MetricsTest, OpenFileDescriptorsAreCountedExactly) {
  Metrics metrics;
  const double before = Value(metrics.Render(), "process_open_fds");
  const int fd = dup(STDERR_FILENO);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(Value(metrics.Render(), "process_open_fds"), before + 1);
  close(fd);
  EXPECT_EQ(Value(metrics.Render(), "process_open_fds"), before);
}

TEST(MetricsTest, EachFamilyIsExplainedOnceInASentence) {
  Metrics metrics;
  Fill(metrics);
  std::vector<std::string> names;
  for (const std::string& line : Lines(metrics.Render())) {
    if (!line.starts_with("# HELP ")) continue;
    EXPECT_THAT(line, MatchesRegex("# HELP [a-z_]+ [A-Z].*\\."));
    names.push_back(line.substr(7, line.find(' ', 7) - 7));
  }
  EXPECT_EQ(names.size(), 36U);
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

TEST(MetricsTest, EachFamilyIsInTheOperationsPage) {
  std::ifstream file(TARGET_EYE_SOURCE_DIR "/docs/operations.md");
  std::ostringstream page;
  page << file.rdbuf();
  Metrics metrics;
  Fill(metrics);
  for (const std::string& line : Lines(metrics.Render())) {
    if (!line.starts_with("# TYPE ")) continue;
    std::istringstream words(line);
    std::string hash, type_word, name, type;
    words >> hash >> type_word >> name >> type;
    EXPECT_THAT(page.str(), HasSubstr("\n- `" + name + "` (" + type));
  }
}

TEST(MetricsTest, PromtoolHasNothingToSay) {
  Metrics metrics;
  Fill(metrics);
  const std::string path =
      ::testing::TempDir() + "metrics_test_" + std::to_string(getpid()) + ".prom";
  std::ofstream(path) << metrics.Render();
  FILE* const promtool = popen(("promtool check metrics < '" + path + "' 2>&1").c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string said;
  std::array<char, 4096> buffer;
  while (const std::size_t read = fread(buffer.data(), 1, buffer.size(), promtool)) {
    said.append(buffer.data(), read);
  }
  EXPECT_EQ(pclose(promtool), 0) << "promtool, of Debian's package prometheus, must be on PATH";
  EXPECT_EQ(said, "");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace target_eye
