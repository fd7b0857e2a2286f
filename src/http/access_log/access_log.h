#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/wire/request_head.h"
#include "model/error.h"
#include "telemetry/log.h"
#include "util/clock.h"
#include "util/unique_fd.h"

namespace target_eye {

// A request that was answered, for the access log. What is not known is empty.
struct AccessRecord {
  std::string_view peer;
  std::string_view method;
  std::string_view target;   // As it was sent.
  std::string_view version;  // `2`, `1.1` or `1.0`.
  std::string_view scheme = "http";
  std::string_view caller = {};  // `user:alice`, `token:ci`, `certificate:` with the subject.
  std::string_view request_id = {};
  std::span<const RequestField> request_fields;
  int status = 0;
  std::size_t body_bytes = 0;      // Of the response.
  std::string_view response_head;  // Its status line and header, as sent.
  std::chrono::steady_clock::duration took{};
  WallTime time;
};

// A format of the access log, `%(atom)s` and text, ready for use. Atoms:
//   h peer  l `-`  u caller  t [22/Nov/2026:10:16:57 +0000]
//   r method path version  R the same with the query
//   s status  st its phrase  S scheme  m method  U path  Uq path and query  q query  H version
//   b, B bytes of the response's body  f Referer  a User-Agent
//   T seconds  D microseconds  L seconds with six decimals  p process id
//   i request id, the client's or one of our making
//   {Name}i request field  {Name}o response field
//   {NAME}e environment variable, as it was at the start
// What is absent is `-`. `%%` is a percent sign.
//
// Or, as a whole, `json` or `logfmt`: a line with all that is known, in the form of the log.
class AccessLogFormat {
 public:
  static constexpr std::string_view kDefault =
      R"(%(h)s %(l)s %(l)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s")";

  // kInvalid names an atom that does not exist, or a `%` that begins none. An empty text is the
  // default.
  static Expected<AccessLogFormat> Compile(std::string_view text);

  // Appends one line with its newline. What a client sent is escaped: quotes, backslashes, and all
  // but printable ASCII become \xNN, so that no request can forge a line or send a terminal escape;
  // in a form of the log, as there.
  void Append(const AccessRecord& record, std::string& out) const;

 private:
  enum class Kind {
    kText,
    kPeer,
    kDash,
    kCaller,
    kTime,
    kRequest,
    kRequestWithQuery,
    kStatus,
    kPhrase,
    kScheme,
    kMethod,
    kPath,
    kPathAndQuery,
    kQuery,
    kVersion,
    kBytes,
    kReferer,
    kUserAgent,
    kSeconds,
    kMicroseconds,
    kDecimalSeconds,
    kProcess,
    kRequestId,
    kRequestField,
    kResponseField,
  };
  struct Atom {
    Kind kind;
    std::string text;  // Of kText, or the name of a field.
  };

  static Expected<Atom> ParseAtom(std::string_view name);
  static void AppendLine(LogFormat form, const AccessRecord& record, std::string& out);
  static void AppendAtom(const Atom& atom, const AccessRecord& record, std::string& out);

  std::optional<LogFormat> form_;
  std::vector<Atom> atoms_;
};

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
