#include "telemetry/log.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "telemetry/line_queue.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kCritical:
      return spdlog::level::critical;
  }
  return spdlog::level::critical;
}

// Standard error, or a file that lines are appended to and that can be opened again under its name.
// Safe to use from any thread.
class LogFile {
 public:
  // Empty: standard error. Otherwise Reopen must be called, and succeed, before the first line.
  explicit LogFile(std::string path) : path_(std::move(path)) {}

  // Returns 0, or errno, and then goes on with the file that is open.
  int Reopen() {
    if (path_.empty()) return 0;
    auto fd = std::make_shared<const UniqueFd>(
        ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
    if (!*fd) return errno;
    const std::lock_guard lock(mutex_);
    fd_.swap(fd);
    return 0;
  }

  // A full disk must not stop the program, and there is no one to tell.
  void Write(std::string_view lines) const {
    const auto fd = Fd();
    [[maybe_unused]] const auto error = WriteAll(fd ? fd->get() : STDERR_FILENO, lines);
  }

  // Gives up where nobody takes the line within kPatienceMs. A line is one write in append mode, so
  // that lines do not mix even with another process's; but a pipe that has room has room for no
  // more than PIPE_BUF.
  void WriteSoon(std::string_view line) const {
    const auto file = Fd();
    const int fd = file ? file->get() : STDERR_FILENO;
    struct stat status{};
    const bool is_file = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    while (!line.empty()) {
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      const int ready = ::poll(&writable, 1, kPatienceMs);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0) return;
      const std::string_view piece = line.substr(0, is_file ? line.size() : PIPE_BUF);
      if (WriteAll(fd, piece)) return;
      line.remove_prefix(piece.size());
    }
  }

  const std::string& path() const { return path_; }

 private:
  static constexpr int kPatienceMs = 1000;

  std::shared_ptr<const UniqueFd> Fd() const {
    const std::lock_guard lock(mutex_);
    return fd_;
  }

  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const UniqueFd> fd_;  // Whoever writes to it keeps it open.
};

// Gives the lines their form and hands them to a LineQueue or, where there is none, to the file.
class LineSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(std::shared_ptr<LogFile> file) : file_(std::move(file)) {}

  const std::shared_ptr<LogFile>& file() const { return file_; }

  // Null: none. Returns the one that was in use.
  std::unique_ptr<LineQueue> Use(std::unique_ptr<LineQueue> queue) {
    const std::lock_guard lock(mutex_);
    process_ = ::getpid();
    queue_.swap(queue);
    return queue;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::string_view text(line.data(), line.size());
    // A child that was forked does not have the queue's thread.
    const bool has_queue = queue_ && process_ == ::getpid();
    if (has_queue && message.level != spdlog::level::critical) return queue_->Push(text);
    // What is critical may be the last that is said.
    if (has_queue) queue_->Flush();
    file_->WriteSoon(text);
  }
  void flush_() override {}

 private:
  const std::shared_ptr<LogFile> file_;
  std::unique_ptr<LineQueue> queue_;
  pid_t process_ = 0;
};

struct Logging {
  std::shared_ptr<LineSink> sink;
  std::unique_ptr<spdlog::logger> logger;
  LogFormat format = LogFormat::kLogfmt;
};

Logging MakeLogging(LogLevel level, LogFormat format, std::shared_ptr<LineSink> sink) {
  auto logger = std::make_unique<spdlog::logger>("target-eye", sink);
  const char* const pattern = format == LogFormat::kJson ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"
                                                         : "ts=%Y-%m-%dT%H:%M:%S.%eZ %v";
  logger->set_formatter(
      std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, "\n"));
  logger->set_level(SpdlogLevel(level));
  return {std::move(sink), std::move(logger), format};
}

// Never destroyed, so that a thread may log until the very end.
Logging& TheLogging() {
  static Logging& logging =
      *new Logging(MakeLogging(LogLevel::kInfo, LogFormat::kLogfmt,
                               std::make_shared<LineSink>(std::make_shared<LogFile>(""))));
  return logging;
}

}  // namespace

void Log(LogLevel level, std::string_view message, std::span<const LogField> fields) {
  const Logging& logging = TheLogging();
  spdlog::logger& logger = *logging.logger;
  const spdlog::level::level_enum spdlog_level = SpdlogLevel(level);
  if (!logger.should_log(spdlog_level)) return;
  logger.log(spdlog_level,
             spdlog::string_view_t(FormatLogLine(logging.format, level, message, fields)));
}

std::optional<std::string> SetUpLogging(LogLevel level, const std::string& path, LogFormat format) {
  auto file = std::make_shared<LogFile>(path == "-" ? "" : path);
  if (const int error = file->Reopen(); error != 0) {
    return fmt::format("{}: {}", path, std::strerror(error));
  }
  TheLogging() = MakeLogging(level, format, std::make_shared<LineSink>(std::move(file)));
  return std::nullopt;
}

LogThread::LogThread() {
  LineSink& sink = *TheLogging().sink;
  sink.Use(std::make_unique<LineQueue>(
      LineQueue::Options{.kind = LineQueue::Kind::kErrorLog, .thread = "log"},
      [file = sink.file()](std::string_view lines, std::uint64_t dropped) {
        file->Write(lines);
        if (dropped > 0) {
          Log(LogLevel::kWarning,
              "lines of this log are missing here: they came faster than they were taken",
              {{"lines", dropped}});
        }
      }));
}

// The queue's end may take a while, in which lines are written where they are said.
LogThread::~LogThread() { TheLogging().sink->Use(nullptr); }

void ReopenLog() {
  LogFile& file = *TheLogging().sink->file();
  if (const int error = file.Reopen(); error != 0) {
    Log(LogLevel::kWarning,
        "the log file cannot be opened again; lines still go to the one that was moved away",
        {{"path", file.path()}, {"error", std::strerror(error)}});
  }
}

}  // namespace target_eye
