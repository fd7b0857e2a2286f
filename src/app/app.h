#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/access_gate.h"
#include "api/api.h"
#include "api/cross_origin.h"
#include "api/sd_page.h"
#include "app/guards.h"
#include "app/reloader.h"
#include "config/config.h"
#include "http/http_server.h"
#include "publish/file_sd/file_sd_publisher.h"
#include "publish/http_sd/http_sd_publisher.h"
#include "registry/target_registry.h"
#include "store/sqlite/sqlite_store.h"
#include "telemetry/metrics.h"

namespace target_eye {

// The whole program as an object: builds the rooms, starts them in order, and stops them in reverse
// order. The only place that names concrete stores and publishers. One thread. Signals, logging and
// the exit status are for main.
class App {
 public:
  explicit App(Config config);
  // Stops, if it runs.
  ~App();

  // Listens, drops privileges, opens the state (taking over what an earlier program left, on a
  // first start), starts to publish and to serve. On an error nothing is left running; the message
  // says what and how to mend it.
  Expected<void> Start();

  // To be called again and again after Start until it returns true: finishes what has to wait until
  // the first publication is visible, and repeats what of that failed. Before that, `/-/ready` is
  // 503.
  bool FinishStart();

  // Whether it serves, but will not be ready before a person has decided about files that could not
  // be taken over whole (publish/file_sd/import/import_hold.h).
  bool held() const { return held_; }

  static constexpr std::chrono::seconds kReloadPatience{10};

  // What it listens on, with the real ports; after Start.
  const std::vector<std::string>& addresses() const { return server_.addresses(); }

  // Finishes, within GRACEFUL_TIMEOUT, what was accepted, and lets go of everything. False if a
  // publication hangs, and with it a thread that still uses what this owns: all else has ended, and
  // the process must end without destroying this.
  bool Stop();

  // What SIGHUP asks for: opens the access log again, after a rotation moved it away, and reads
  // certificates, web config and access file again. Returns when they are in use or were found
  // wrong, or after kReloadPatience, so that a file that takes for ever to read does not hold up a
  // stop.
  void Reload();

 private:
  Expected<void> OpenState();
  // Reads TLS, users and access rules and puts them to use, or changes nothing. Returns the files
  // that it read. Called on Start's thread until that has returned, later on the reloader's.
  Expected<std::vector<std::string>> LoadSecurity();
  // Empty if ENABLE_RELOAD is not set.
  ApiPages::Reload ReloadPage();
  std::string NotReady() const;
  // What keeps `/-/sd` from showing lists; empty if nothing does.
  std::string Withheld() const;
  // Puts the imported files away; false if that must be tried again.
  bool PutImportedAway();

  const Config config_;
  Metrics metrics_;
  SqliteStore store_;
  TargetRegistry registry_;
  std::unique_ptr<FileSdPublisher> publisher_;
  HttpSdPublisher lists_;
  const SdPage sd_page_;
  Api api_;
  AccessGate gate_;
  CrossOrigin cross_origin_;
  HttpServer server_;
  Reloader reloader_;
  Guards guards_;  // Of what is in use.
  bool started_ = false;
  bool import_pending_ = false;
  std::chrono::steady_clock::time_point retry_import_at_;
  // What FinishImport failed with last; empty if it did not.
  mutable std::mutex import_mutex_;
  std::string import_failure_;
  std::atomic<bool> held_ = false;
  std::atomic<bool> ready_ = false;
};

}  // namespace target_eye
