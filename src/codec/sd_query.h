#pragma once

#include <optional>
#include <string_view>

#include "model/error.h"
#include "model/selector.h"

namespace target_eye {

// What a client asks of a list of all groups.
struct SdQuery {
  Selector selector;
  std::optional<bool> meta_labels;  // `meta=true` or `meta=false`.
};

// Reads the part of a URL after `?`:
// `application=web-*&environment=prod&label.team=infra&label.tier!=test`. Parameters are the keys
// of Selector::Term, percent- and plus-decoded once. kInvalid names a parameter that is unknown or
// wrong: a misspelt one must not select everything.
Expected<SdQuery> ParseSdQuery(std::string_view query);

}  // namespace target_eye
