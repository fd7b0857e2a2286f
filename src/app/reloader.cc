#include "app/reloader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "telemetry/log.h"
#include "util/thread.h"

namespace target_eye {
namespace {

std::int64_t Nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Reloader::Reloader(Load load, Metrics& metrics, std::chrono::milliseconds tick)
    : load_(std::move(load)), metrics_(metrics), tick_(tick) {}

Reloader::~Reloader() { Stop(); }

std::vector<Reloader::Fingerprint> Reloader::FingerprintsOf(const std::vector<std::string>& files) {
  std::vector<Fingerprint> all;
  all.reserve(files.size());
  for (const std::string& file : files) {
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0) {
      all.emplace_back();
      continue;
    }
    all.push_back({.device = status.st_dev,
                   .inode = status.st_ino,
                   .size = status.st_size,
                   .modified_ns = Nanoseconds(status.st_mtim),
                   .changed_ns = Nanoseconds(status.st_ctim)});
  }
  return all;
}

void Reloader::Start(std::vector<std::string> files) {
  files_ = std::move(files);
  loaded_ = seen_ = FingerprintsOf(files_);
  metrics_.ObserveReload(true);
  thread_ = StartThread("reloader", [this] { Run(); });
}

void Reloader::Reload(Done done) {
  {
    const std::scoped_lock lock(mutex_);
    if (!stopping_) {
      asked_.push_back(std::move(done));
      wake_.notify_one();
      return;
    }
  }
  done("target-eye is stopping");
}

void Reloader::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  std::vector<Done> left;
  {
    const std::scoped_lock lock(mutex_);
    left.swap(asked_);
  }
  for (Done& done : left) done("target-eye is stopping");
}

void Reloader::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, tick_, [this] { return stopping_ || !asked_.empty(); });
    if (stopping_) return;
    std::vector<Done> asked = std::exchange(asked_, {});
    lock.unlock();
    if (asked.empty()) {
      Tick();
    } else {
      const std::string error = TryLoad(true);
      for (Done& done : asked) done(error);
    }
    lock.lock();
  }
}

void Reloader::Tick() {
  std::vector<Fingerprint> now = FingerprintsOf(files_);
  if (now != seen_) {
    seen_ = std::move(now);
    tries_ = 0;
    return;
  }
  if (seen_ == loaded_) return;
  ++tries_;
  TryLoad(tries_ == kTries);
}

std::string Reloader::TryLoad(bool last_try) {
  // Taken before the load: what changes while it runs is seen at the next tick.
  std::vector<Fingerprint> before = FingerprintsOf(files_);
  auto files = load_();
  if (!files && !last_try) return files.error().message;
  loaded_ = seen_ = std::move(before);
  tries_ = 0;
  metrics_.ObserveReload(files.has_value());
  if (!files) {
    Log(LogLevel::kError,
        "certificates, web config and access file cannot be loaded again; those loaded before stay "
        "in use",
        {{"error", files.error().message}});
    return files.error().message;
  }
  Log(LogLevel::kInfo, "certificates, web config and access file were loaded again");
  if (*files != files_) {
    // Loaded once more at the next tick, since nobody looked at the new ones before this load.
    files_ = std::move(*files);
    seen_ = FingerprintsOf(files_);
    loaded_.clear();
  }
  return {};
}

}  // namespace target_eye
