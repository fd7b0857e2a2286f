#include "telemetry/http_request_metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

namespace target_eye {
namespace {

constexpr std::array<std::string_view, 9> kMethods = {"GET",     "PUT",   "POST",  "DELETE", "HEAD",
                                                      "OPTIONS", "PATCH", "TRACE", "CONNECT"};
constexpr std::string_view kOther = "other";

// Seconds. From an answer out of memory to one that waited for a slow disk.
constexpr std::array kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};

// Each thread adds in a stripe of its own, as far as there are enough.
constexpr std::size_t kStripes = 8;

std::size_t ThisThreadsStripe() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t stripe = next.fetch_add(1, std::memory_order_relaxed) % kStripes;
  return stripe;
}

std::string_view KnownMethod(std::string_view method) {
  for (const std::string_view known : kMethods) {
    if (method == known) return known;
  }
  return kOther;
}

std::size_t Mix(std::size_t hash) {
  hash *= 0x9e3779b97f4a7c15ULL;
  return hash ^ (hash >> 32);
}

}  // namespace

struct HttpRequestMetrics::Handler {
  struct alignas(64) Stripe {
    std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
    std::atomic<std::uint64_t> nanoseconds{0};
  };

  std::string name;
  std::array<Stripe, kStripes> stripes{};
};

struct HttpRequestMetrics::Series {
  struct alignas(64) Stripe {
    std::atomic<std::uint64_t> requests{0};
  };

  int code = 0;             // 0: other.
  std::string_view method;  // One of kMethods, or kOther.
  Handler* handler = nullptr;
  std::array<Stripe, kStripes> stripes{};
};

HttpRequestMetrics::HttpRequestMetrics() = default;
HttpRequestMetrics::~HttpRequestMetrics() = default;

void HttpRequestMetrics::Observe(int code, std::string_view method, std::string_view handler,
                                 double seconds) {
  Series& series = FindOrAdd(code, KnownMethod(method), handler);
  const std::size_t stripe = ThisThreadsStripe();
  series.stripes[stripe].requests.fetch_add(1, std::memory_order_relaxed);

  // Also false for a NaN, which must not reach the conversion below.
  if (!(seconds > 0)) seconds = 0;
  seconds = std::min(seconds, 1e6);
  const auto bucket = std::ranges::lower_bound(kBounds, seconds) - kBounds.begin();
  Handler::Stripe& durations = series.handler->stripes[stripe];
  durations.buckets[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  durations.nanoseconds.fetch_add(static_cast<std::uint64_t>(seconds * 1e9),
                                  std::memory_order_relaxed);
}

HttpRequestMetrics::Series& HttpRequestMetrics::FindOrAdd(int code, std::string_view method,
                                                          std::string_view handler) {
  // A known method is told from the others by its address.
  std::size_t hash = Mix(static_cast<std::size_t>(code) ^ std::hash<const void*>{}(method.data()));
  hash = Mix(hash ^ std::hash<std::string_view>{}(handler));
  for (std::size_t slot = hash % kSlots;; slot = (slot + 1) % kSlots) {
    Series* const series = slots_[slot].load(std::memory_order_acquire);
    if (series == nullptr) return Add(code, method, handler, slot);
    if (series->code == code && series->method.data() == method.data() &&
        series->handler->name == handler) {
      return *series;
    }
  }
}

HttpRequestMetrics::Series& HttpRequestMetrics::Add(int code, std::string_view method,
                                                    std::string_view handler, std::size_t slot) {
  std::unique_lock lock(mutex_);
  // Another thread may have added the same, or filled the slot.
  if (slots_[slot].load(std::memory_order_relaxed) != nullptr) {
    lock.unlock();
    return FindOrAdd(code, method, handler);
  }
  if (series_.size() >= kMostSeries) {
    for (const std::unique_ptr<Series>& known : series_) {
      if (known->code == 0 && known->method == kOther && known->handler->name == kOther) {
        return *known;
      }
    }
    series_.push_back(std::make_unique<Series>());
    series_.back()->method = kOther;
    series_.back()->handler = &HandlerFor(kOther);
    return *series_.back();
  }
  series_.push_back(std::make_unique<Series>());
  Series& added = *series_.back();
  added.code = code;
  added.method = method;
  added.handler = &HandlerFor(handler);
  slots_[slot].store(&added, std::memory_order_release);
  return added;
}

HttpRequestMetrics::Handler& HttpRequestMetrics::HandlerFor(std::string_view name) {
  for (const std::unique_ptr<Handler>& handler : handlers_) {
    if (handler->name == name) return *handler;
  }
  handlers_.push_back(std::make_unique<Handler>());
  handlers_.back()->name = name;
  return *handlers_.back();
}

std::vector<prometheus::MetricFamily> HttpRequestMetrics::Collect() const {
  prometheus::MetricFamily requests{
      .name = "target_eye_http_requests_total",
      .help = "Requests that were answered, by status code, method and handler.",
      .type = prometheus::MetricType::Counter,
      .metric = {}};
  prometheus::MetricFamily durations{
      .name = "target_eye_http_request_duration_seconds",
      .help = "Time from the first byte of a request to its answer, by handler.",
      .type = prometheus::MetricType::Histogram,
      .metric = {}};

  const std::lock_guard lock(mutex_);
  for (const std::unique_ptr<Series>& series : series_) {
    std::uint64_t count = 0;
    for (const Series::Stripe& stripe : series->stripes) {
      count += stripe.requests.load(std::memory_order_relaxed);
    }
    prometheus::ClientMetric metric;
    metric.label = {
        {"code", series->code == 0 ? std::string(kOther) : std::to_string(series->code)},
        {"method", std::string(series->method)},
        {"handler", series->handler->name}};
    metric.counter.value = static_cast<double>(count);
    requests.metric.push_back(std::move(metric));
  }
  for (const std::unique_ptr<Handler>& handler : handlers_) {
    prometheus::ClientMetric metric;
    metric.label = {{"handler", handler->name}};
    std::uint64_t nanoseconds = 0;
    for (const Handler::Stripe& stripe : handler->stripes) {
      nanoseconds += stripe.nanoseconds.load(std::memory_order_relaxed);
    }
    std::uint64_t count = 0;
    for (std::size_t bucket = 0; bucket <= kBounds.size(); ++bucket) {
      for (const Handler::Stripe& stripe : handler->stripes) {
        count += stripe.buckets[bucket].load(std::memory_order_relaxed);
      }
      metric.histogram.bucket.push_back(
          {count, bucket < kBounds.size() ? kBounds[bucket] : HUGE_VAL});
    }
    metric.histogram.sample_count = count;
    metric.histogram.sample_sum = static_cast<double>(nanoseconds) / 1e9;
    durations.metric.push_back(std::move(metric));
  }
  return {std::move(requests), std::move(durations)};
}

}  // namespace target_eye
