#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace target_eye {

// The metric families of this program: `target_eye_*`, and the conventional `process_*`. Names,
// types and meanings are listed in docs/operations.md. Every method may be called from any thread.
class Metrics {
 public:
  using Seconds = std::chrono::duration<double>;

  Metrics();
  ~Metrics();

  // http: target_eye_http_requests_total{code,method,handler},
  // target_eye_http_request_duration_seconds{handler}, target_eye_http_connections,
  // target_eye_http_connections_total, target_eye_http_rejected_connections_total,
  // target_eye_http_answers_dropped_total.
  // `method` must be one of the known methods or "other", `handler` a fixed word: both bound the
  // series.
  void ObserveRequest(int code, std::string_view method, std::string_view handler, Seconds took);
  void ConnectionOpened();
  void ConnectionClosed();
  void ConnectionRejected();
  void AnswerDropped();

  // tls: target_eye_tls_handshake_failures_total,
  // target_eye_tls_certificate_not_after_timestamp_seconds.
  void TlsHandshakeFailed();
  void SetTlsCertificateExpiry(std::chrono::system_clock::time_point not_after);

  // access: target_eye_logins_total{result}, `result` a fixed word: success, failure, throttled.
  // target_eye_access_denied_total counts what a known client was not allowed to do.
  void ObserveLogin(std::string_view result);
  void AccessDenied();

  // target_eye_config_last_reload_successful,
  // target_eye_config_last_reload_success_timestamp_seconds,
  // target_eye_config_reload_failures_total: of certificates, web config and access file.
  void ObserveReload(bool succeeded);

  // registry: target_eye_commit_batch_size (histogram of requests a commit),
  // target_eye_commit_duration_seconds, target_eye_commit_failures_total.
  void ObserveCommit(std::size_t requests, Seconds took);
  void CommitFailed();

  // publish: target_eye_publications_total{publisher},
  // target_eye_publication_failures_total{publisher},
  // target_eye_publication_duration_seconds{publisher},
  // target_eye_publication_last_success_timestamp_seconds{publisher},
  // target_eye_published_revision{publisher}.
  void ObservePublication(std::string_view publisher, Seconds took, std::int64_t revision);
  void PublicationFailed(std::string_view publisher);
  // A later revision is visible, too, since it changed nothing of what this publisher publishes.
  void SetPublishedRevision(std::string_view publisher, std::int64_t revision);

  // target_eye_publication_last_change_timestamp_seconds{publisher}: a publication changed what
  // Prometheus reads, now. One that found everything as it should be did not.
  void PublicationChanged(std::string_view publisher);

  // target_eye_published_files_restored_total{publisher}: files that somebody else had changed or
  // removed and that were published again. With 0, the series appears.
  void PublishedFilesRestored(std::string_view publisher, std::size_t files);

  // target_eye_publication_running_seconds{publisher}: how long one has been under way, as of now;
  // 0 if none is.
  void SetPublicationRunning(std::string_view publisher, Seconds time);

  // target_eye_ready.
  void SetReady(bool ready);

  // target_eye_groups, target_eye_targets, target_eye_revision.
  void SetState(std::size_t groups, std::size_t targets, std::int64_t revision);

  // Prometheus text format 0.0.4, with target_eye_build_info{version},
  // target_eye_log_lines_dropped_total{log} (LineQueue::Dropped) and the process_* family
  // (CPU seconds, resident and virtual bytes, start time, open and most file descriptors, threads)
  // as they are now.
  std::string Render();

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace target_eye
