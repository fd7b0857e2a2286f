#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "telemetry/log_line.h"

namespace target_eye {

// One line, `ts=... level=... msg="..." key=value` or a JSON object of the same, on standard error
// or to the file that SetUpLogging named. Safe to call from any thread; lines do not mix.
void Log(LogLevel level, std::string_view message, std::span<const LogField> fields);
inline void Log(LogLevel level, std::string_view message,
                std::initializer_list<LogField> fields = {}) {
  Log(level, message, std::span<const LogField>(fields.begin(), fields.size()));
}

// Call before any other thread starts. Lines below `level` are dropped. `path`: a file to append
// to, or `-` for standard error. Returns what is wrong if it cannot be opened.
std::optional<std::string> SetUpLogging(LogLevel level, const std::string& path,
                                        LogFormat format = LogFormat::kLogfmt);

// While it lives, a thread of its own writes the lines, so that nobody waits for a disk, or for a
// pipe that nobody reads: 1 MiB of lines may wait, and more are dropped, counted, and said to be
// missing. A critical line, which may be the last one, is written before Log returns, with all that
// waits. Before and after, each line is written before Log returns, or dropped where nobody takes
// it within a second. Its end waits for at most LineQueue::kPatience. One at a time; it is made
// before other threads start, and after signals were blocked.
class LogThread {
 public:
  LogThread();
  ~LogThread();
  LogThread(const LogThread&) = delete;
  LogThread& operator=(const LogThread&) = delete;
};

// Opens the log file again under its name, after a rotation moved it away.
void ReopenLog();

}  // namespace target_eye
