#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "model/error.h"
#include "model/group_set.h"
#include "model/selector.h"
#include "publish/http_sd/sd_list.h"
#include "publish/publisher.h"
#include "telemetry/metrics.h"
#include "util/clock.h"

namespace target_eye {

struct HttpSdOptions {
  // Bounds of the lists that are kept for the next request, by number and by bytes. The least
  // recently used go first; the one that was asked for last is kept whatever its size.
  std::size_t kept_lists = 16;
  std::size_t kept_bytes = 64 << 20;
  // Different lists that may wait to be rendered. If there is one more, the one whose turn is last
  // is refused.
  std::size_t waiting_lists = 64;
  // The processor time that it may take to select the groups of one list; then it is given up.
  std::chrono::milliseconds selecting_time{2000};
};

// Publishes for Prometheus's http_sd_configs: a list is rendered when it is asked for, once for
// each state of the groups, and kept for whoever asks for the same.
//
// A list shows at least every change that came before it was asked for, and only whole commits.
// Groups without targets are left out. A thread of its own renders, so that neither commits nor
// other connections are held up. The list goes first that has had least of that thread lately
// (ListTurns), and selecting its groups is given up after `selecting_time`: so whatever others ask
// for, a list that is asked for now and then waits for one rendering, and not for a queue of them.
class HttpSdPublisher : public Publisher {
 public:
  // What is asked for.
  struct View {
    Selector selector = {};
    std::shared_ptr<const GroupSet> visible = nullptr;  // Others are left out; null: all.
    bool meta_labels = false;                           // With EncodeWithMetaLabels.
    bool gzip = false;
  };
  using Done = std::move_only_function<void(Expected<SdList>)>;

  // `metrics` and `clock` must outlive it.
  HttpSdPublisher(const HttpSdOptions& options, Metrics& metrics, const Clock& clock);
  // Stops, if Stop was not called.
  ~HttpSdPublisher() override;

  // Calls `done` exactly once: inside Get if the list is kept from before or the request is
  // refused, otherwise on the renderer's thread, or inside the Get of a list that takes its place.
  // `done` must not block. kUnavailable before the first snapshot and after Stop, never an empty
  // list, which Prometheus would take for the truth; kOverloaded if too many different lists wait,
  // or if it took too long to select the groups. From any thread; never blocks.
  void Get(const View& view, Done done);

  // Both only take note. A hold is let go at once, since whoever asks from now on sees the change.
  void OnSnapshot(const Snapshot& snapshot) override;
  void OnChanges(Revision revision, std::span<const Change> changes, AnswerHold hold) override;

  Status status() const override;

  // Whatever is asked for and not rendered yet is answered kUnavailable. Always true.
  bool Stop() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace target_eye
