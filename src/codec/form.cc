#include "codec/form.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "codec/body_format.h"
#include "codec/group_reader.h"
#include "codec/percent.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::size_t kShownBytes = 100;

// `targets`, and as PHP and axios write the elements of a list: `targets[]`, `targets[7]`. Their
// order is that of the body.
bool IsTargetsKey(std::string_view key) {
  constexpr std::string_view kName = "targets";
  if (!key.starts_with(kName)) return false;
  std::string_view index = key.substr(kName.size());
  if (index.empty()) return true;
  if (!index.starts_with('[') || !index.ends_with(']')) return false;
  index = index.substr(1, index.size() - 2);
  return std::ranges::all_of(index, IsDigit);
}

// Keys that are taken for a slip, although some could be labels: as labels, `target=a:1` and
// `labels=x` would be answered with 200 and not do what was meant.
Expected<void> CheckNoSlip(std::string_view key) {
  const std::size_t bracket = std::min(key.find('['), key.size());
  const std::string word = LowerCase(key.substr(0, bracket));
  if (word == "target" || word == "targets") {
    return Invalid(fmt::format("form key {}: expected targets, as in targets=a:1,b:2{}", Quote(key),
                               bracket == key.size()
                                   ? "; a label of this name can be sent as JSON or YAML"
                                   : ", or targets[]"));
  }
  if (word != "label" && word != "labels") return {};
  std::string_view name = key.substr(bracket);
  if (name.size() > 2 && name.ends_with(']')) {
    name = name.substr(1, name.size() - 2);
    if (name.size() <= kShownBytes && CheckLabelName(name)) {
      return Invalid(fmt::format("form key {}: expected the label's name alone, as in {}=VALUE",
                                 Quote(key), name));
    }
  }
  return Invalid(
      fmt::format("form key {}: expected each label's own name, as in team=storage; a "
                  "label of this name can be sent as JSON or YAML",
                  Quote(key)));
}

Expected<void> AddField(std::string_view field, const GroupLimits& limits, GroupData& data) {
  const std::size_t equals = field.find('=');
  auto key = FormDecode(field.substr(0, equals));
  if (!key) return std::unexpected(std::move(key.error()));
  auto value = FormDecode(equals == std::string_view::npos ? "" : field.substr(equals + 1));
  if (!value) return std::unexpected(std::move(value.error()));

  if (IsTargetsKey(*key)) {
    if (!data.targets) data.targets.emplace();
    // Nothing but spaces is the empty list, which each method judges.
    if (TrimSpaces(*value).empty()) return {};
    return AppendTargets(*value, limits.targets, *data.targets);
  }
  if (auto ok = CheckNoSlip(*key); !ok) return ok;
  if (auto ok = CheckLabelName(*key); !ok) return ok;
  if (auto ok = CheckLabelValue(*key, *value); !ok) return ok;
  if (!data.labels) data.labels.emplace();
  const auto [slot, added] = data.labels->try_emplace(*key, *value);
  if (data.labels->size() > limits.labels) return TooMany("labels", limits.labels);
  if (!added && slot->second != *value) {
    return Invalid(fmt::format("label {}: is given twice, as {} and as {}", Quote(*key),
                               Quote(slot->second), Quote(*value)));
  }
  return {};
}

}  // namespace

Expected<GroupData> DecodeForm(std::string_view body, const GroupLimits& limits) {
  // No key of a form begins as these do.
  const BodyFormat format = GuessFormat(body);
  if (format == BodyFormat::kJson || format == BodyFormat::kYaml) {
    return Invalid(fmt::format("body: {}", FormatHint(format)));
  }
  GroupData data;
  std::string_view rest = SkipByteOrderMark(body);
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view field = rest.substr(0, ampersand);
    if (!field.empty()) {
      if (auto ok = AddField(field, limits, data); !ok)
        return Invalid("body: " + ok.error().message);
    }
    if (ampersand == std::string_view::npos) break;
    rest.remove_prefix(ampersand + 1);
  }
  if (data.targets) data.targets->shrink_to_fit();  // They may wait for a while.
  return data;
}

}  // namespace target_eye
