#include "model/labels.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/utf8.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

bool MayBegin(char c) { return IsAlpha(c) || c == '_'; }

bool MayFollow(char c) { return MayBegin(c) || IsDigit(c); }

}  // namespace

Expected<void> CheckLabelName(std::string_view name) {
  if (!name.empty() && MayBegin(name.front()) && std::ranges::all_of(name, MayFollow)) return {};
  return Invalid(fmt::format(
      "label name {}: must be letters, digits and underscores, and not begin with a digit "
      "([a-zA-Z_][a-zA-Z0-9_]*)",
      Quote(name)));
}

Expected<void> CheckLabelValue(std::string_view name, std::string_view value) {
  if (value.empty()) {
    return Invalid(
        fmt::format("label {}: value is empty, which is the same as no label to "
                    "Prometheus; expected at least one character",
                    Quote(name)));
  }
  if (!IsValidUtf8(value)) {
    return Invalid(
        fmt::format("label {}: value {} must be valid UTF-8", Quote(name), Quote(value)));
  }
  return {};
}

}  // namespace target_eye
