#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "model/error.h"
#include "model/selector.h"
#include "publish/file_sd/file_names.h"
#include "publish/publisher.h"
#include "telemetry/metrics.h"
#include "util/clock.h"

namespace target_eye {

struct FileSdOptions {
  std::string directory;  // Made if it is missing.
  FileSdLayout layout = FileSdLayout::kFile;
  Selector selector = {};    // Which groups are published.
  bool meta_labels = false;  // Whether with their keys as labels (EncodeWithMetaLabels).
  // A file system can hang. After `patience` in one publication, no further AnswerHold is kept;
  // after `stalled_after`, the status says so, and Stop gives up.
  std::chrono::milliseconds patience{2000};
  std::chrono::milliseconds stalled_after{10'000};
};

// Publishes for Prometheus's file_sd_configs.
//
// In `directory`, which Prometheus watches, a file appears or changes by one rename from
// `.target-eye/staging/` (one event: docs/decisions/staged-outside-the-watch.md), with mode 0644. A
// file whose bytes would not change is not touched. Only files whose names are in
// `.target-eye/published`, written there before the file is made, are ever replaced or removed. If
// somebody else's file has a name that is needed, it is left as it is, and the publication fails
// with a message that says so. Files of ours that are no longer needed (a group was removed, the
// layout was changed) are removed after those that take their place are there.
//
// Groups without targets and groups that are not selected are not published, and a change to a
// group that is not selected publishes nothing.
//
// A thread of its own writes. A token bucket spares Prometheus, which parses everything at every
// event: a few publications at once, then one a second, and less often the more there is to read
// (up to one in ten seconds). Changes that come in a flood are gathered, for 10 s at most
// (ChangeFlood). A change that comes while there are tokens, and no flood, keeps its AnswerHold
// until it is visible or its publication has failed; otherwise the hold is let go at once. The
// first publication after a snapshot waits for no token. A failed one is tried again after 100 ms,
// doubling to kMaxDiskRetry (0.5 s), for as long as it takes; meanwhile the directory may be
// removed and made again. What hangs in the file system holds up nobody but that thread.
class FileSdPublisher : public Publisher {
 public:
  // Opens the directory and its hidden folder and starts the thread; publishes nothing before
  // OnSnapshot. kIo or kInvalid if the directory cannot be made or written, with what to do.
  // `metrics` and `clock` must outlive it.
  static Expected<std::unique_ptr<FileSdPublisher>> Open(FileSdOptions options, Metrics& metrics,
                                                         const Clock& clock);

  // Stops, if Stop was not called.
  ~FileSdPublisher() override;

  // Both only queue, and never wait for a file.
  void OnSnapshot(const Snapshot& snapshot) override;
  void OnChanges(Revision revision, std::span<const Change> changes, AnswerHold hold) override;

  Status status() const override;

  // Publishes once more, even if that is not due yet; holds are let go whether it succeeds or not.
  // False if that takes longer than `stalled_after`.
  bool Stop() override;

 private:
  class Impl;
  explicit FileSdPublisher(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;  // Of the thread, too, since that may outlive this.
};

}  // namespace target_eye
