#include "codec/group_json.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <unordered_set>
#include <utility>

#include "codec/json.h"
#include "util/json_string.h"

namespace target_eye {
namespace {

constexpr std::string_view kBeforeLabels = R"(],"labels":)";

// `labels` and `extra` as one object, both in the order of their names; `extra` wins.
void AppendLabels(std::string& out, const Labels& labels, std::span<const ExtraLabel> extra) {
  char separator = '{';
  const auto append = [&](std::string_view name, std::string_view value) {
    out += std::exchange(separator, ',');
    AppendJsonString(out, name);
    out += ':';
    AppendJsonString(out, value);
  };
  auto next = extra.begin();
  for (const auto& [name, value] : labels) {
    for (; next != extra.end() && next->first < name; ++next) append(next->first, next->second);
    if (next == extra.end() || next->first != name) append(name, value);
  }
  for (; next != extra.end(); ++next) append(next->first, next->second);
  if (separator == '{') out += '{';
  out += '}';
}

std::vector<Target> WithoutRepeats(std::vector<Target> targets) {
  std::unordered_set<std::string> seen;
  seen.reserve(targets.size());
  std::erase_if(targets, [&](const Target& target) { return !seen.insert(target.text()).second; });
  return targets;
}

}  // namespace

std::string EncodeGroup(const TargetGroup& group) {
  std::string out;
  out.reserve(EncodedGroupBytes(group));
  out += R"({"targets":[)";
  bool first = true;
  for (const Target& target : group.targets) {
    if (!std::exchange(first, false)) out += ',';
    AppendJsonString(out, target.text());
  }
  out += kBeforeLabels;
  AppendLabels(out, group.labels, {});
  out += '}';
  return out;
}

std::size_t EncodedGroupBytes(const TargetGroup& group) {
  std::size_t bytes = std::string_view(R"({"targets":[],"labels":{}})").size();
  for (const Target& target : group.targets) bytes += JsonStringBytes(target.text());
  for (const auto& [name, value] : group.labels) {
    bytes += JsonStringBytes(name) + std::string_view(":").size() + JsonStringBytes(value);
  }
  const auto commas = [](std::size_t count) { return count > 1 ? count - 1 : 0; };
  return bytes + commas(group.targets.size()) + commas(group.labels.size());
}

GroupJsonParts EncodeGroupWith(const TargetGroup& group, std::string_view json,
                               std::span<const ExtraLabel> labels) {
  // No string of JSON can hold these bytes, as a quote inside one is escaped.
  const std::size_t before_labels = json.find(kBeforeLabels);
  GroupJsonParts parts;
  if (before_labels != std::string_view::npos) {
    parts.head = json.substr(0, before_labels + kBeforeLabels.size());
    AppendLabels(parts.tail, group.labels, labels);
    parts.tail += '}';
    return parts;
  }
  // Not as EncodeGroup writes it: somebody has edited the store.
  TargetGroup whole = group;
  for (const auto& [name, value] : labels) whole.labels.insert_or_assign(std::string(name), value);
  parts.tail = EncodeGroup(whole);
  return parts;
}

Expected<TargetGroup> DecodeStoredGroup(std::string_view json) {
  GroupReader reader(GroupReader::Document::kOneGroup, GroupReader::Trust::kStored);
  if (auto ok = ReadJson(json, reader); !ok) {
    return MakeError(ErrorCode::kDamaged, "stored group: " + ok.error().message);
  }
  GroupData& data = reader.groups().front();
  if (!data.targets || !data.labels) {
    return MakeError(ErrorCode::kDamaged, "stored group: expected both targets and labels");
  }
  return TargetGroup{*std::move(data.targets), *std::move(data.labels)};
}

Expected<std::vector<TargetGroup>> DecodeFileSd(std::string_view json) {
  GroupReader reader(GroupReader::Document::kListOfGroups);
  if (auto ok = ReadJson(json, reader); !ok) return std::unexpected(ok.error());
  std::vector<TargetGroup> groups;
  groups.reserve(reader.groups().size());
  for (GroupData& data : reader.groups()) {
    if (!data.targets) return Invalid(fmt::format("group {}: has no targets", groups.size() + 1));
    groups.push_back(
        {WithoutRepeats(*std::move(data.targets)), std::move(data.labels).value_or(Labels{})});
  }
  return groups;
}

}  // namespace target_eye
