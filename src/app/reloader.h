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

// Reads certificates, web config and access file anew when they change, or when asked to.
//
// Files are looked at once a tick, not watched: a certificate in Kubernetes changes by a link two
// folders up, and on a network file system nobody tells. A change is taken when the files have been
// quiet for a tick, because a certificate and its key are two files and one is written first; a
// change that cannot be loaded is tried again for kTries ticks before it is called a failure, and
// then not until a file changes again. What was loaded before stays in use.
//
// Every outcome is a line in the log and in the metrics.
class Reloader {
 public:
  // Reads everything and puts it to use, or changes nothing and says why. Called on the reloader's
  // thread only. Gives the files that it read: those to look at from then on.
  using Load = std::function<Expected<std::vector<std::string>>()>;
  // Called once with what went wrong, or with nothing.
  using Done = std::move_only_function<void(std::string error)>;

  static constexpr int kTries = 3;

  Reloader(Load load, Metrics& metrics, std::chrono::milliseconds tick = std::chrono::seconds(1));
  ~Reloader();

  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Begins to look at `files`, which were loaded by the caller. Once.
  void Start(std::vector<std::string> files);

  // Loads now, whatever the files say. From any thread, after Start or Stop; does not wait. `done`
  // is called on the reloader's thread; after Stop it is called at once with an error.
  void Reload(Done done);

  // Ends the thread, after a load that is under way.
  void Stop();

 private:
  // What tells one state of a file from another; all zero where there is none.
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
  // Gives what went wrong, or nothing. A failure counts as one on the last try only.
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
