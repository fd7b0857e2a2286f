#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "http/access_log/access_log_format.h"
#include "model/error.h"
#include "telemetry/line_queue.h"
#include "util/unique_fd.h"

namespace target_eye {

// The access log's file. A thread of its own writes, so that a slow disk delays no answer; lines
// that come faster than they can be written are dropped, counted, and warned about. Thread-safe.
class AccessLog {
 public:
  static constexpr std::size_t kMaxPendingBytes = 4 << 20;

  // `path`: `-` for standard output, or a file that is appended to. kIo says why it cannot be
  // opened.
  static Expected<std::unique_ptr<AccessLog>> Open(const std::string& path, AccessLogFormat format);

  // Writes what is pending, as ~LineQueue does.
  ~AccessLog();

  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void Write(const AccessRecord& record);

  // Opens the file again under its name. Keeps the old one, with a warning, if it cannot.
  void Reopen();

 private:
  class File;
  AccessLog(std::string path, UniqueFd fd, AccessLogFormat format);

  const AccessLogFormat format_;
  const std::shared_ptr<File> file_;
  LineQueue queue_;
};

}  // namespace target_eye
