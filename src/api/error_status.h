#pragma once

#include "model/error.h"

namespace target_eye {

// The one table from what went wrong to the status that HTTP has for it (RFC 9110 section 15).
constexpr int HttpStatus(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kMethodNotAllowed:
      return 405;
    case ErrorCode::kConflict:
    case ErrorCode::kUnavailable:
    case ErrorCode::kUncertain:
    case ErrorCode::kOverloaded:
      return 503;
    case ErrorCode::kInUse:
    case ErrorCode::kDamaged:
    case ErrorCode::kTooNew:
    case ErrorCode::kIo:
      return 500;
  }
  return 500;
}

}  // namespace target_eye
