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

std::size_t Commas(std::size_t count) { return count > 1 ? count - 1 : 0; }

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
  AppendGroup(out, group);
  return out;
}

void AppendGroup(std::string& out, const TargetGroup& group) {
  out += R"({"targets":[)";
  bool is_first = true;
  for (const Target& target : group.targets) {
    if (!std::exchange(is_first, false)) out += ',';
    AppendJsonString(out, target.text());
  }
  out += R"(],"labels":{)";
  is_first = true;
  for (const auto& [name, value] : group.labels) {
    if (!std::exchange(is_first, false)) out += ',';
    AppendJsonString(out, name);
    out += ':';
    AppendJsonString(out, value);
  }
  out += "}}";
}

std::size_t EncodedGroupBytes(const TargetGroup& group) {
  std::size_t bytes = std::string_view(R"({"targets":[],"labels":})").size();
  for (const Target& target : group.targets) bytes += JsonStringBytes(target.text());
  return bytes + Commas(group.targets.size()) + EncodedLabelsBytes(group.labels);
}

std::size_t EncodedLabelsBytes(const Labels& labels) {
  std::size_t bytes = std::string_view("{}").size() + Commas(labels.size());
  for (const auto& [name, value] : labels) {
    bytes += JsonStringBytes(name) + std::string_view(":").size() + JsonStringBytes(value);
  }
  return bytes;
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
    groups.push_back(
        {WithoutRepeats(*std::move(data.targets)), std::move(data.labels).value_or(Labels{})});
  }
  return groups;
}

}  // namespace target_eye
