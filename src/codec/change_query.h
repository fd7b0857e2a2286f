#pragma once

#include <string_view>

#include "model/change_request.h"
#include "model/error.h"

namespace target_eye {

// What the query of a change says.
struct ChangeQuery {
  bool add = false;  // `add`: PUT adds what is missing, and replaces nothing else.
};

// Reads the part of a URL after `?`, for a request by `method`: `add` with no value, `true` or `1`,
// or `false` or `0`. Names and values are percent- and plus-decoded once. kInvalid names a
// parameter that is unknown, is not for `method`, is given twice, or has a wrong value: what it was
// meant to change must not be guessed.
Expected<ChangeQuery> ParseChangeQuery(std::string_view query, Method method);

}  // namespace target_eye
