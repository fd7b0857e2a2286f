#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

namespace target_eye {

// Counts every request: target_eye_http_requests_total{code,method,handler} and
// target_eye_http_request_duration_seconds{handler}.
//
// Every answer passes here, on all threads at once, so the metrics library's own counters are not
// used: a request costs one look-up without a lock, and three additions to a cache line that few
// threads share. Safe to call from any thread.
class HttpRequestMetrics : public prometheus::Collectable {
 public:
  HttpRequestMetrics();
  ~HttpRequestMetrics() override;

  // An unknown `method` counts as "other". The number of series is bounded: a request that would
  // need one more counts as code, method and handler "other".
  void Observe(int code, std::string_view method, std::string_view handler, double seconds);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Series;
  struct Handler;

  Series& FindOrAdd(int code, std::string_view method, std::string_view handler);
  Series& Add(int code, std::string_view method, std::string_view handler, std::size_t slot);
  Handler& HandlerFor(std::string_view name);

  // Open addressing; a slot is filled once, under the lock, and never emptied while this lives.
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kMostSeries = kSlots / 2;
  std::array<std::atomic<Series*>, kSlots> slots_{};

  mutable std::mutex mutex_;  // For the two lists below, and for filling slots.
  std::vector<std::unique_ptr<Series>> series_;
  std::vector<std::unique_ptr<Handler>> handlers_;
};

}  // namespace target_eye
