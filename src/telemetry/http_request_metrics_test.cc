#include "telemetry/http_request_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace target_eye {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

std::string Labels(const prometheus::ClientMetric& metric) {
  std::string text;
  for (const auto& label : metric.label) text += label.name + "=" + label.value + " ";
  return text;
}

std::map<std::string, double> Counts(const HttpRequestMetrics& metrics) {
  std::map<std::string, double> counts;
  const auto families = metrics.Collect();
  for (const auto& metric : families.at(0).metric) {
    counts[Labels(metric)] = metric.counter.value;
  }
  return counts;
}

double Total(const HttpRequestMetrics& metrics) {
  double total = 0;
  for (const auto& [labels, count] : Counts(metrics)) total += count;
  return total;
}

TEST(HttpRequestMetricsTest, RequestsAreCountedByCodeMethodAndHandler) {
  HttpRequestMetrics metrics;
  metrics.Observe(200, "GET", "group", 0.001);
  metrics.Observe(200, "GET", "group", 0.001);
  metrics.Observe(404, "GET", "group", 0.001);
  metrics.Observe(200, "PUT", "group", 0.001);
  metrics.Observe(200, "GET", "healthy", 0.001);
  EXPECT_THAT(Counts(metrics),
              UnorderedElementsAre(Pair("code=200 method=GET handler=group ", 2),
                                   Pair("code=404 method=GET handler=group ", 1),
                                   Pair("code=200 method=PUT handler=group ", 1),
                                   Pair("code=200 method=GET handler=healthy ", 1)));
}

TEST(HttpRequestMetricsTest, WordsAreComparedByTheirTextNotTheirAddress) {
  HttpRequestMetrics metrics;
  const std::string method = "GET";
  const std::string handler = "group";
  metrics.Observe(200, "GET", "group", 0);
  metrics.Observe(200, method, handler, 0);
  EXPECT_THAT(Counts(metrics), ElementsAre(Pair("code=200 method=GET handler=group ", 2)));
}

TEST(HttpRequestMetricsTest, AnUnknownMethodCountsAsOther) {
  HttpRequestMetrics metrics;
  for (const char* method : {"BREW", "get", "", "other"}) metrics.Observe(501, method, "h", 0);
  EXPECT_THAT(Counts(metrics), ElementsAre(Pair("code=501 method=other handler=h ", 4)));
}

TEST(HttpRequestMetricsTest, ADurationFallsIntoTheBucketsThatHoldIt) {
  HttpRequestMetrics metrics;
  metrics.Observe(200, "GET", "h", 0.0001);  // On a bound: less or equal.
  metrics.Observe(200, "GET", "h", 0.3);
  metrics.Observe(200, "GET", "h", 100);
  const auto families = metrics.Collect();
  const auto& histogram = families.at(1).metric.at(0).histogram;
  EXPECT_EQ(histogram.sample_count, 3U);
  EXPECT_NEAR(histogram.sample_sum, 100.3001, 1e-6);
  EXPECT_TRUE(std::isinf(histogram.bucket.back().upper_bound));
  for (const auto& bucket : histogram.bucket) {
    const std::uint64_t expected = bucket.upper_bound >= 100   ? 3
                                   : bucket.upper_bound >= 0.3 ? 2
                                                               : 1;
    EXPECT_EQ(bucket.cumulative_count, expected) << bucket.upper_bound;
  }
}

TEST(HttpRequestMetricsTest, ADurationThatMakesNoSenseIsBounded) {
  HttpRequestMetrics metrics;
  metrics.Observe(200, "GET", "h", -1);
  metrics.Observe(200, "GET", "h", std::numeric_limits<double>::quiet_NaN());
  metrics.Observe(200, "GET", "h", std::numeric_limits<double>::infinity());
  const auto families = metrics.Collect();
  const auto& histogram = families.at(1).metric.at(0).histogram;
  EXPECT_EQ(histogram.sample_count, 3U);
  EXPECT_EQ(histogram.sample_sum, 1e6);
  EXPECT_EQ(histogram.bucket.front().cumulative_count, 2U);
}

TEST(HttpRequestMetricsTest, TheNumberOfSeriesIsBoundedAndNoRequestIsLost) {
  HttpRequestMetrics metrics;
  for (int i = 0; i < 3000; ++i) metrics.Observe(200, "GET", "handler" + std::to_string(i), 0);
  const auto counts = Counts(metrics);
  EXPECT_LE(counts.size(), 513U);
  EXPECT_EQ(Total(metrics), 3000);
  EXPECT_EQ(counts.at("code=other method=other handler=other "), 3000 - 512);
}

TEST(HttpRequestMetricsTest, NoRequestOfManyThreadsIsLost) {
  HttpRequestMetrics metrics;
  constexpr int kThreads = 10;
  constexpr int kRequests = 2000;
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&metrics] {
        for (int i = 0; i < kRequests; ++i) {
          metrics.Observe(200 + i % 50, i % 2 == 0 ? "GET" : "PUT", i % 3 == 0 ? "a" : "b", 0.001);
        }
      });
    }
    for (int i = 0; i < 20; ++i) (void)metrics.Collect();
  }
  EXPECT_EQ(Total(metrics), kThreads * kRequests);
  std::uint64_t observed = 0;
  const auto families = metrics.Collect();
  for (const auto& metric : families.at(1).metric) observed += metric.histogram.sample_count;
  EXPECT_EQ(observed, static_cast<std::uint64_t>(kThreads * kRequests));
}

}  // namespace
}  // namespace target_eye
