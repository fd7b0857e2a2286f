#include "telemetry/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include "telemetry/http_request_metrics.h"
#include "telemetry/line_queue.h"
#include "telemetry/process_metrics.h"
#include "telemetry/version.h"

namespace target_eye {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;

prometheus::Histogram::BucketBoundaries BatchBounds() {
  return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
}

// Seconds.
prometheus::Histogram::BucketBoundaries DurationBounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
}

// One thread at a time.
void CountUpTo(std::uint64_t count, prometheus::Counter& counter) {
  const double more = static_cast<double>(count) - counter.Value();
  if (more > 0) counter.Increment(more);
}

std::string Compiler() {
#ifdef __clang__
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("gcc {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

struct Metrics::Families {
  HttpRequestMetrics requests;
  ProcessMetrics process;
  prometheus::Registry registry;

  prometheus::Counter& Counter(const char* name, const char* help) {
    return BuildCounter().Name(name).Help(help).Register(registry).Add({});
  }
  prometheus::Gauge& Gauge(const char* name, const char* help) {
    return BuildGauge().Name(name).Help(help).Register(registry).Add({});
  }
  prometheus::Histogram& Histogram(const char* name, const char* help,
                                   const prometheus::Histogram::BucketBoundaries& bounds) {
    return BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
  }

  prometheus::Gauge& connections =
      Gauge("target_eye_http_connections", "Connections that are open.");
  prometheus::Counter& connections_total =
      Counter("target_eye_http_connections_total", "Connections that were accepted.");
  prometheus::Counter& rejected_connections =
      Counter("target_eye_http_rejected_connections_total",
              "Connections that were refused because too many were open.");
  prometheus::Counter& dropped_answers =
      Counter("target_eye_http_answers_dropped_total",
              "Answers that were not sent, or not to their end, because clients were too slow to "
              "take theirs.");

  prometheus::Counter& tls_handshake_failures =
      Counter("target_eye_tls_handshake_failures_total",
              "Connections that ended before TLS was agreed on.");
  prometheus::Family<prometheus::Gauge>& tls_not_after =
      BuildGauge()
          .Name("target_eye_tls_certificate_not_after_timestamp_seconds")
          .Help("When the certificate that is served expires, in seconds since the Unix epoch.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& logins =
      BuildCounter()
          .Name("target_eye_logins_total")
          .Help("Requests with credentials, by what came of them: success, failure or throttled.")
          .Register(registry);
  // Each request counts one: the search for a series by its labels would be felt.
  prometheus::Counter& login_successes = logins.Add({{"result", "success"}});
  prometheus::Counter& login_failures = logins.Add({{"result", "failure"}});
  prometheus::Counter& logins_throttled = logins.Add({{"result", "throttled"}});
  prometheus::Counter& access_denied =
      Counter("target_eye_access_denied_total",
              "Requests for something that the access rules do not allow their sender.");
  prometheus::Family<prometheus::Gauge>& reload_successful =
      BuildGauge()
          .Name("target_eye_config_last_reload_successful")
          .Help("Whether the last reload of certificates, web config and access file succeeded.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& reload_time =
      BuildGauge()
          .Name("target_eye_config_last_reload_success_timestamp_seconds")
          .Help(
              "When certificates, web config and access file were last loaded, in seconds since "
              "the Unix epoch.")
          .Register(registry);
  prometheus::Counter& reload_failures =
      Counter("target_eye_config_reload_failures_total",
              "Reloads that failed: what was loaded before stays in use.");

  prometheus::Histogram& batch_size =
      Histogram("target_eye_commit_batch_size", "Requests that one commit took.", BatchBounds());
  prometheus::Histogram& commit_duration =
      Histogram("target_eye_commit_duration_seconds",
                "Time that the store took to make one batch durable.", DurationBounds());
  prometheus::Counter& commit_failures =
      Counter("target_eye_commit_failures_total", "Batches that the store could not keep.");

  prometheus::Family<prometheus::Counter>& publications =
      BuildCounter()
          .Name("target_eye_publications_total")
          .Help("Publications that succeeded, by publisher.")
          .Register(registry);
  prometheus::Family<prometheus::Counter>& publication_failures =
      BuildCounter()
          .Name("target_eye_publication_failures_total")
          .Help("Publications that failed, and are tried again, by publisher.")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& publication_duration =
      BuildHistogram()
          .Name("target_eye_publication_duration_seconds")
          .Help("Time that one publication took, by publisher.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& publication_time =
      BuildGauge()
          .Name("target_eye_publication_last_success_timestamp_seconds")
          .Help("When a publication last succeeded, in seconds since the Unix epoch.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& publication_change =
      BuildGauge()
          .Name("target_eye_publication_last_change_timestamp_seconds")
          .Help(
              "When a publication last changed what Prometheus reads, in seconds since the Unix "
              "epoch.")
          .Register(registry);
  prometheus::Family<prometheus::Gauge>& published_revision =
      BuildGauge()
          .Name("target_eye_published_revision")
          .Help("The store's revision that is visible to Prometheus, by publisher.")
          .Register(registry);

  prometheus::Family<prometheus::Counter>& restored_files =
      BuildCounter()
          .Name("target_eye_published_files_restored_total")
          .Help(
              "Published files that somebody else had removed, changed or made unreadable, and "
              "that "
              "were put back, by publisher.")
          .Register(registry);

  prometheus::Family<prometheus::Gauge>& publication_running =
      BuildGauge()
          .Name("target_eye_publication_running_seconds")
          .Help("How long the publication that is under way has taken so far; 0 if none is.")
          .Register(registry);

  prometheus::Family<prometheus::Counter>& log_lines_dropped =
      BuildCounter()
          .Name("target_eye_log_lines_dropped_total")
          .Help("Lines of a log that were dropped, since they came faster than they were taken.")
          .Register(registry);
  prometheus::Counter& error_log_dropped = log_lines_dropped.Add({{"log", "errorlog"}});
  prometheus::Counter& access_log_dropped = log_lines_dropped.Add({{"log", "accesslog"}});
  std::mutex dropped_mutex;

  prometheus::Gauge& ready = Gauge("target_eye_ready", "Whether /-/ready would answer 200.");
  prometheus::Gauge& groups = Gauge("target_eye_groups", "Groups that are registered.");
  prometheus::Gauge& targets = Gauge("target_eye_targets", "Targets in all groups together.");
  prometheus::Gauge& revision =
      Gauge("target_eye_revision", "The store's revision after the newest change.");
};

Metrics::Metrics() : families_(std::make_unique<Families>()) {
  BuildGauge()
      .Name("target_eye_build_info")
      .Help("Always 1; its labels say which build of the program this is.")
      .Register(families_->registry)
      .Add({{"version", std::string(Version())}, {"compiler", Compiler()}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::ObserveRequest(int code, std::string_view method, std::string_view handler,
                             Seconds took) {
  families_->requests.Observe(code, method, handler, took.count());
}

void Metrics::ConnectionOpened() {
  families_->connections.Increment();
  families_->connections_total.Increment();
}

void Metrics::ConnectionClosed() { families_->connections.Decrement(); }

void Metrics::ConnectionRejected() { families_->rejected_connections.Increment(); }

void Metrics::AnswerDropped() { families_->dropped_answers.Increment(); }

void Metrics::TlsHandshakeFailed() { families_->tls_handshake_failures.Increment(); }

void Metrics::SetTlsCertificateExpiry(std::chrono::system_clock::time_point not_after) {
  families_->tls_not_after.Add({}).Set(
      std::chrono::duration<double>(not_after.time_since_epoch()).count());
}

void Metrics::ObserveLogin(std::string_view result) {
  if (result == "success") {
    families_->login_successes.Increment();
  } else if (result == "throttled") {
    families_->logins_throttled.Increment();
  } else {
    families_->login_failures.Increment();
  }
}

void Metrics::AccessDenied() { families_->access_denied.Increment(); }

void Metrics::ObserveReload(bool succeeded) {
  families_->reload_successful.Add({}).Set(succeeded ? 1 : 0);
  if (succeeded) {
    families_->reload_time.Add({}).SetToCurrentTime();
  } else {
    families_->reload_failures.Increment();
  }
}

void Metrics::ObserveCommit(std::size_t requests, Seconds took) {
  families_->batch_size.Observe(static_cast<double>(requests));
  families_->commit_duration.Observe(took.count());
}

void Metrics::CommitFailed() { families_->commit_failures.Increment(); }

void Metrics::ObservePublication(std::string_view publisher, Seconds took, std::int64_t revision) {
  const prometheus::Labels labels = {{"publisher", std::string(publisher)}};
  families_->publications.Add(labels).Increment();
  families_->publication_failures.Add(
      labels);  // So that it is there, at 0, before the first failure.
  families_->publication_duration.Add(labels, DurationBounds()).Observe(took.count());
  families_->publication_time.Add(labels).SetToCurrentTime();
  families_->published_revision.Add(labels).Set(static_cast<double>(revision));
}

void Metrics::PublicationFailed(std::string_view publisher) {
  const prometheus::Labels labels = {{"publisher", std::string(publisher)}};
  families_->publications.Add(labels);
  families_->publication_failures.Add(labels).Increment();
}

void Metrics::SetPublishedRevision(std::string_view publisher, std::int64_t revision) {
  families_->published_revision.Add({{"publisher", std::string(publisher)}})
      .Set(static_cast<double>(revision));
}

void Metrics::PublicationChanged(std::string_view publisher) {
  families_->publication_change.Add({{"publisher", std::string(publisher)}}).SetToCurrentTime();
}

void Metrics::PublishedFilesRestored(std::string_view publisher, std::size_t files) {
  families_->restored_files.Add({{"publisher", std::string(publisher)}})
      .Increment(static_cast<double>(files));
}

void Metrics::SetPublicationRunning(std::string_view publisher, Seconds time) {
  families_->publication_running.Add({{"publisher", std::string(publisher)}}).Set(time.count());
}

void Metrics::SetReady(bool ready) { families_->ready.Set(ready ? 1 : 0); }

void Metrics::SetState(std::size_t groups, std::size_t targets, std::int64_t revision) {
  families_->groups.Set(static_cast<double>(groups));
  families_->targets.Set(static_cast<double>(targets));
  families_->revision.Set(static_cast<double>(revision));
}

std::string Metrics::Render() {
  {
    const std::lock_guard lock(families_->dropped_mutex);
    CountUpTo(LineQueue::Dropped(LineQueue::Kind::kErrorLog), families_->error_log_dropped);
    CountUpTo(LineQueue::Dropped(LineQueue::Kind::kAccessLog), families_->access_log_dropped);
  }
  std::vector<prometheus::MetricFamily> all = families_->registry.Collect();
  for (const prometheus::Collectable* more :
       {static_cast<const prometheus::Collectable*>(&families_->requests),
        static_cast<const prometheus::Collectable*>(&families_->process)}) {
    std::ranges::move(more->Collect(), std::back_inserter(all));
  }
  std::erase_if(all, [](const prometheus::MetricFamily& family) { return family.metric.empty(); });
  std::ranges::sort(all, {}, &prometheus::MetricFamily::name);
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, all);
  return std::move(out).str();
}

}  // namespace target_eye
