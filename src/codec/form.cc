#include <fmt/format.h>

#include <string>
#include <utility>

#include "codec/body.h"
#include "codec/group_reader.h"
#include "codec/percent.h"

namespace target_eye {
namespace {

Expected<void> AddField(std::string_view field, GroupData& data) {
  const std::size_t equals = field.find('=');
  auto key = FormDecode(field.substr(0, equals));
  if (!key) return std::unexpected(std::move(key.error()));
  auto value = FormDecode(equals == std::string_view::npos ? "" : field.substr(equals + 1));
  if (!value) return std::unexpected(std::move(value.error()));

  if (*key == "targets") {
    if (!data.targets) data.targets.emplace();
    // Nothing but spaces is the empty list, which each method judges.
    if (TrimSpaces(*value).empty()) return {};
    return AppendTargets(*value, *data.targets);
  }
  if (auto ok = CheckLabelName(*key); !ok) return ok;
  if (auto ok = CheckLabelValue(*key, *value); !ok) return ok;
  if (!data.labels) data.labels.emplace();
  const auto [slot, added] = data.labels->try_emplace(*key, *value);
  if (!added && slot->second != *value) {
    return Invalid(fmt::format("label {}: is given twice, as {} and as {}", Quote(*key),
                               Quote(slot->second), Quote(*value)));
  }
  return {};
}

}  // namespace

Expected<GroupData> DecodeForm(std::string_view body) {
  GroupData data;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view field = rest.substr(0, ampersand);
    if (!field.empty()) {
      if (auto ok = AddField(field, data); !ok) return Invalid("body: " + ok.error().message);
    }
    if (ampersand == std::string_view::npos) break;
    rest.remove_prefix(ampersand + 1);
  }
  return data;
}

}  // namespace target_eye
