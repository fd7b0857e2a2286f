#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "model/error.h"
#include "telemetry/metrics.h"

namespace target_eye {

// Reads certificates, web config and access file again when they change, or when asked to.
//
// Files are looked at once a tick, not watched: a certificate in Kubernetes changes by a link two
// folders up, and a network file system does not tell of changes. A change is taken when the files
// have been quiet for a tick, because a certificate and its key are two files, of which one is
// written first. If it cannot be loaded, that is tried in kTries ticks before it counts as a
// failure, and then not again until a file changes. What was loaded before stays in use.
//
// Every outcome is a line in the log and in the metrics.
class Reloader {
 public:
  // Reads everything and puts it to use, or changes nothing and says why. Called on the reloader's
  // thread only. Returns the files that it read, which are looked at from then on.
  using Load = std::function<Expected<std::vector<std::string>>()>;
  // Called once, with what went wrong or with an empty text.
  using Done = std::move_only_function<void(std::string error)>;

  static constexpr int kTries = 3;

  Reloader(Load load, Metrics& metrics, std::chrono::milliseconds tick = std::chrono::seconds(1));
  ~Reloader();

  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Begins to look at `files`, which the caller has loaded. To be called once.
  void Start(std::vector<std::string> files);

  // Loads now, even if no file has changed. From any thread, after Start or Stop; does not wait.
  // `done` is called on the reloader's thread; after Stop, at once with an error.
  void Reload(Done done);

  // Ends the thread, after a load that is under way.
  void Stop();

 private:
  // What tells one state of a file from another; all zero if there is none.
  struct Fingerprint {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    bool operator==(const Fingerprint&) const = default;
  };

  static std::vector<Fingerprint> FingerprintsOf(const std::vector<std::string>& files);

  void Run();
  void Tick();
  // Returns what went wrong, or an empty text. A failure counts only on the last try.
  std::string TryLoad(bool last_try);

  const Load load_;
  Metrics& metrics_;
  const std::chrono::milliseconds tick_;

  // Of the thread.
  std::vector<std::string> files_;
  std::vector<Fingerprint> loaded_;  // As they were before the last load.
  std::vector<Fingerprint> seen_;    // At the last tick.
  int tries_ = 0;                    // Of the change that is being taken.

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Done> asked_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace target_eye
