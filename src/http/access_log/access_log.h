#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "http/access_log/access_log_format.h"
#include "model/error.h"
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

  // Writes what is pending.
  ~AccessLog();

  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  void Write(const AccessRecord& record);

  // Opens the file anew under its name. Keeps the old one, with a warning, if it cannot.
  void Reopen();

 private:
  AccessLog(std::string path, UniqueFd fd, AccessLogFormat format);
  void Run();
  void ReopenNow();
  void WriteOut(std::string_view lines);

  const std::string path_;
  const AccessLogFormat format_;
  // Of the writing thread, once it runs.
  UniqueFd fd_;
  bool failing_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;
  std::uint64_t dropped_ = 0;
  bool reopen_ = false;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace target_eye
