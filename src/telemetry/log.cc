#include "telemetry/log.h"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

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
// Each line is one write to a descriptor in append mode, so that lines do not mix even with another
// process's.
class LineSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  // Empty: standard error. Otherwise Reopen must be called, and succeed, before the first line.
  explicit LineSink(std::string path) : path_(std::move(path)) {}
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;
  ~LineSink() override {
    if (!path_.empty() && fd_ >= 0) ::close(fd_);
  }

  // Gives 0, or errno, and then goes on with the file that is open.
  int Reopen() {
    if (path_.empty()) return 0;
    const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return errno;
    const std::lock_guard lock(mutex_);
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    return 0;
  }

  const std::string& path() const { return path_; }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const int fd = path_.empty() ? STDERR_FILENO : fd_;
    std::string_view rest(line.data(), line.size());
    while (!rest.empty()) {
      const ssize_t written = ::write(fd, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      // A full disk must not stop the program, and there is no one to tell.
      if (written < 0) return;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void flush_() override {}

 private:
  const std::string path_;
  int fd_ = -1;
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
  static Logging& logging = *new Logging(
      MakeLogging(LogLevel::kInfo, LogFormat::kLogfmt, std::make_shared<LineSink>("")));
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
  auto sink = std::make_shared<LineSink>(path == "-" ? "" : path);
  if (const int error = sink->Reopen(); error != 0) {
    return fmt::format("{}: {}", path, std::strerror(error));
  }
  TheLogging() = MakeLogging(level, format, std::move(sink));
  return std::nullopt;
}

void ReopenLog() {
  LineSink& sink = *TheLogging().sink;
  if (const int error = sink.Reopen(); error != 0) {
    Log(LogLevel::kWarning,
        "the log file cannot be opened again; lines still go to the one that was moved away",
        {{"path", sink.path()}, {"error", std::strerror(error)}});
  }
}

}  // namespace target_eye
