#include "http/access_log/access_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "telemetry/log.h"

namespace target_eye {
namespace {

int OpenForAppending(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

// How long lines may wait for more to come, so that they are written together.
constexpr std::chrono::milliseconds kGatherTime{50};

}  // namespace

// What is used on the queue's thread; but for AskToReopen, on no other.
class AccessLog::File {
 public:
  File(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  void AskToReopen() { reopen_ = true; }

  void Write(std::string_view lines, std::uint64_t dropped) {
    WriteOut(lines);
    if (reopen_.exchange(false)) Reopen();
    if (dropped > 0) {
      Log(LogLevel::kWarning, "lines of the access log were dropped; its disk is too slow",
          {{"path", path_}, {"lines", dropped}});
    }
  }

 private:
  void Reopen() {
    if (path_ == "-") return;
    UniqueFd fd(OpenForAppending(path_));
    if (!fd) {
      Log(LogLevel::kWarning, "cannot open the access log again; it goes on under its old name",
          {{"path", path_}, {"error", std::generic_category().message(errno)}});
      return;
    }
    fd_ = std::move(fd);
  }

  void WriteOut(std::string_view lines) {
    const std::error_code error = WriteAll(fd_.get(), lines);
    if (error && !failing_) {
      Log(LogLevel::kWarning, "cannot write the access log; lines are lost until it works again",
          {{"path", path_}, {"error", error.message()}});
    }
    if (!lines.empty()) failing_ = static_cast<bool>(error);
  }

  const std::string path_;
  UniqueFd fd_;
  bool failing_ = false;
  std::atomic<bool> reopen_ = false;
};

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
    : format_(std::move(format)),
      file_(std::make_shared<File>(std::move(path), std::move(fd))),
      queue_({.kind = LineQueue::Kind::kAccessLog,
              .thread = "access-log",
              .most_bytes = kMaxPendingBytes,
              .gather = kGatherTime},
             [file = file_](std::string_view lines, std::uint64_t dropped) {
               file->Write(lines, dropped);
             }) {}

AccessLog::~AccessLog() = default;

void AccessLog::Write(const AccessRecord& record) {
  // Kept, so that a line takes no memory of its own.
  thread_local std::string line;
  line.clear();
  format_.Append(record, line);
  queue_.Push(line);
}

void AccessLog::Reopen() {
  file_->AskToReopen();
  queue_.Wake();
}

}  // namespace target_eye
