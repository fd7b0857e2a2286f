#include "http/access_log/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "telemetry/log.h"
#include "util/thread.h"

namespace target_eye {
namespace {

int OpenForAppending(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

// How long lines may wait for more to come, so that they are written together.
constexpr std::chrono::milliseconds kGatherTime{50};

}  // namespace

Expected<std::unique_ptr<AccessLog>> AccessLog::Open(const std::string& path,
                                                     AccessLogFormat format) {
  const int fd = path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3) : OpenForAppending(path);
  if (fd < 0) {
    return MakeError(ErrorCode::kIo,
                     fmt::format("cannot open the access log {}: {}; set another path in ACCESSLOG",
                                 Quote(path), std::generic_category().message(errno)));
  }
  return std::unique_ptr<AccessLog>(new AccessLog(path, UniqueFd(fd), std::move(format)));
}

AccessLog::AccessLog(std::string path, UniqueFd fd, AccessLogFormat format)
    : path_(std::move(path)), format_(std::move(format)), fd_(std::move(fd)) {
  thread_ = StartThread("access-log", [this] { Run(); });
}

AccessLog::~AccessLog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AccessLog::Write(const AccessRecord& record) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (pending_.size() >= kMaxPendingBytes) {
      ++dropped_;
      return;
    }
    first = pending_.empty();
    format_.Append(record, pending_);
  }
  if (first) wake_.notify_one();
}

void AccessLog::Reopen() {
  {
    const std::lock_guard lock(mutex_);
    reopen_ = true;
  }
  wake_.notify_one();
}

void AccessLog::Run() {
  std::string lines;
  for (bool stop = false; !stop;) {
    std::uint64_t dropped = 0;
    bool reopen = false;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || reopen_ || !pending_.empty(); });
      wake_.wait_for(lock, kGatherTime, [this] { return stop_ || reopen_; });
      lines.clear();
      lines.swap(pending_);
      dropped = std::exchange(dropped_, 0);
      reopen = std::exchange(reopen_, false);
      stop = stop_;
    }
    WriteOut(lines);
    if (reopen) ReopenNow();
    if (dropped > 0) {
      Log(LogLevel::kWarning, "lines of the access log were dropped; its disk is too slow",
          {{"path", path_}, {"lines", dropped}});
    }
  }
}

void AccessLog::ReopenNow() {
  if (path_ == "-") return;
  UniqueFd fd(OpenForAppending(path_));
  if (!fd) {
    Log(LogLevel::kWarning, "cannot open the access log anew; it goes on under its old name",
        {{"path", path_}, {"error", std::generic_category().message(errno)}});
    return;
  }
  fd_ = std::move(fd);
}

void AccessLog::WriteOut(std::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = ::write(fd_.get(), lines.data(), lines.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (!failing_) {
        Log(LogLevel::kWarning, "cannot write the access log; lines are lost until it works again",
            {{"path", path_}, {"error", std::generic_category().message(errno)}});
      }
      failing_ = true;
      return;
    }
    failing_ = false;
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace target_eye
