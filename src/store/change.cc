#include "store/change.h"

#include <algorithm>
#include <array>
#include <utility>

namespace target_eye {
namespace {

constexpr std::array kCauses = {
    std::pair(Cause::kClient, std::string_view("client")),
    std::pair(Cause::kImport, std::string_view("import")),
    std::pair(Cause::kExpiry, std::string_view("expiry")),
    std::pair(Cause::kUndo, std::string_view("undo")),
    std::pair(Cause::kReload, std::string_view("reload")),
};

}  // namespace

std::string_view CauseName(Cause cause) {
  return std::ranges::find(kCauses, cause, [](const auto& known) { return known.first; })->second;
}

std::optional<Cause> ParseCause(std::string_view name) {
  const auto* const found =
      std::ranges::find(kCauses, name, [](const auto& known) { return known.second; });
  if (found == kCauses.end()) return std::nullopt;
  return found->first;
}

StoredGroupPtr MakeStoredGroup(GroupKey key, GroupText text, Revision revision, Origin origin) {
  return std::make_shared<const StoredGroup>(std::move(key), std::move(text), revision,
                                             std::move(origin));
}

}  // namespace target_eye
