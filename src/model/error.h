#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace target_eye {

// What went wrong, as far as a caller may act on it. One table, `api/error_status.h`, has the HTTP
// status of each.
enum class ErrorCode {
  kInvalid,           // The request breaks a rule; sending it again cannot help.
  kNotFound,          // No such page.
  kMethodNotAllowed,  // The page exists, the method does not.
  kConflict,          // The expected revision is no longer the current one; evaluate again.
  kUnavailable,       // Nothing was changed; the same request may work later.
  kUncertain,         // The write may or may not have been kept; read before trying again.
  kOverloaded,        // A queue is full; nothing was changed; try again in a moment.
  kInUse,             // Another process holds the state directory or the address.
  kDamaged,           // Stored data cannot be trusted or read; nothing was overwritten.
  kTooNew,            // Stored data is of a later schema; nothing was overwritten.
  kIo,                // The operating system refused; the message says what.
};

// An error that a user may read: `message` names the offending thing and what is expected, never
// internals. A client's values in it are kept short and may hold any bytes; whoever writes it to a
// log or to JSON escapes it.
struct Error {
  ErrorCode code = ErrorCode::kInvalid;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T>
using Expected = std::expected<T, Error>;

inline std::unexpected<Error> MakeError(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

inline std::unexpected<Error> Invalid(std::string message) {
  return MakeError(ErrorCode::kInvalid, std::move(message));
}

// `text` in double quotes for a message: at most 100 bytes of it (cut at a code point, marked with
// "..."), quotes and backslashes escaped, control characters and invalid UTF-8 shown as \xNN.
std::string Quote(std::string_view text);

}  // namespace target_eye
