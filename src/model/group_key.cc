#include "model/group_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "model/utf8.h"

namespace target_eye {
namespace {

Expected<void> CheckPart(std::string_view what, std::string_view part) {
  if (part.empty()) return Invalid(fmt::format("{} is empty", what));
  if (part.size() > kMaxKeyPartBytes) {
    return Invalid(fmt::format("{} {}: has {} bytes, at most {} are allowed", what, Quote(part),
                               part.size(), kMaxKeyPartBytes));
  }
  if (!IsValidUtf8(part)) {
    return Invalid(fmt::format("{} {}: must be valid UTF-8", what, Quote(part)));
  }
  const bool has_control =
      std::ranges::any_of(part, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) {
    return Invalid(fmt::format("{} {}: control characters are not allowed", what, Quote(part)));
  }
  return {};
}

}  // namespace

Expected<GroupKey> GroupKey::Make(std::string_view application, std::string_view environment) {
  if (auto ok = CheckPart("application", application); !ok) return std::unexpected(ok.error());
  if (auto ok = CheckPart("environment", environment); !ok) return std::unexpected(ok.error());
  if (application == "-") {
    return Invalid("application \"-\": is reserved for the service's own pages");
  }
  return GroupKey{std::string(application), std::string(environment)};
}

std::size_t GroupKeyHash::operator()(const GroupKeyView& key) const noexcept {
  const std::hash<std::string_view> hash;
  const std::size_t seed = hash(key.application);
  // A multiplication keeps ("ab", "c") and ("c", "ab") apart.
  return seed * 0x9E3779B97F4A7C15U + hash(key.environment);
}

}  // namespace target_eye
