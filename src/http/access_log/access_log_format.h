#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/wire/request_head.h"
#include "model/error.h"
#include "telemetry/log_line.h"
#include "util/clock.h"

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

}  // namespace target_eye
