#include "model/group_limits.h"

#include <fmt/format.h>

namespace target_eye {
namespace {

Expected<void> CheckCount(std::size_t before, std::size_t after, std::size_t limit,
                          std::string_view what) {
  if (after <= limit || after <= before) return {};
  return Invalid(
      fmt::format("{}: the group would have {}; expected at most {}", what, after, limit));
}

bool Has(const TargetGroup* group, const std::string& name, const std::string& value) {
  if (group == nullptr) return false;
  const auto found = group->labels.find(name);
  return found != group->labels.end() && found->second == value;
}

}  // namespace

std::unexpected<Error> TooMany(std::string_view what, std::size_t limit) {
  return Invalid(
      fmt::format("{0}: the group would have more than {1}; expected at most {1}", what, limit));
}

Expected<void> CheckLimits(const TargetGroup* before, const TargetGroup& after,
                           const GroupLimits& limits) {
  auto ok = CheckCount(before == nullptr ? 0 : before->targets.size(), after.targets.size(),
                       limits.targets, "targets");
  if (ok) {
    ok = CheckCount(before == nullptr ? 0 : before->labels.size(), after.labels.size(),
                    limits.labels, "labels");
  }
  if (!ok) return ok;
  for (const auto& [name, value] : after.labels) {
    const bool fits = name.size() <= limits.label_bytes && value.size() <= limits.label_bytes;
    if (fits || Has(before, name, value)) continue;
    return Invalid(name.size() > limits.label_bytes
                       ? fmt::format("label {}: its name has {} bytes; expected at most {}",
                                     Quote(name), name.size(), limits.label_bytes)
                       : fmt::format("label {}: its value has {} bytes; expected at most {}",
                                     Quote(name), value.size(), limits.label_bytes));
  }
  return {};
}

}  // namespace target_eye
