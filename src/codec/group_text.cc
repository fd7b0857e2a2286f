#include "codec/group_text.h"

#include <algorithm>
#include <optional>

#include "codec/group_json.h"
#include "util/json_string.h"

namespace target_eye {
namespace {

constexpr std::string_view kBegin = R"({"targets":[)";
constexpr std::string_view kBeforeLabels = R"(],"labels":)";

// Takes a string off the beginning of what EncodeGroup wrote; with its quotes.
std::string_view TakeString(std::string_view& rest) {
  std::size_t end = rest.find('"', 1);
  // A quote behind an odd number of backslashes is a part of the string.
  while ((end - 1 - rest.find_last_not_of('\\', end - 1)) % 2 != 0) end = rest.find('"', end + 1);
  const std::string_view string = rest.substr(0, end + 1);
  rest.remove_prefix(string.size());
  return string;
}

// Goes through JSON that is as EncodeGroup writes it and has plain ASCII alone, as nearly all has.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : text_(text) {}

  bool Take(std::string_view expected) {
    if (!text_.substr(at_).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }

  // What stands between the quotes of a string that needs no escapes.
  std::optional<std::string_view> TakeString() {
    if (!Take("\"")) return std::nullopt;
    const std::size_t begin = at_;
    while (at_ < text_.size() && IsPlain(text_[at_])) ++at_;
    const std::string_view string = text_.substr(begin, at_ - begin);
    if (!Take("\"")) return std::nullopt;
    return string;
  }

  std::size_t at() const { return at_; }
  bool is_at_end() const { return at_ == text_.size(); }

 private:
  static bool IsPlain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

  const std::string_view text_;
  std::size_t at_ = 0;
};

bool TakeTargets(PlainReader& reader, std::size_t& targets) {
  if (!reader.Take(kBegin)) return false;
  targets = 0;
  if (reader.Take(kBeforeLabels)) return true;
  do {
    if (!reader.TakeString()) return false;
    ++targets;
  } while (reader.Take(","));
  return reader.Take(kBeforeLabels);
}

bool TakeLabels(PlainReader& reader) {
  if (!reader.Take("{")) return false;
  if (reader.Take("}")) return true;
  std::string_view before;
  do {
    const auto name = reader.TakeString();
    if (!name || *name <= before || !CheckLabelName(*name) || !reader.Take(":")) return false;
    const auto value = reader.TakeString();
    if (!value || !CheckLabelValue(*name, *value)) return false;
    before = *name;
  } while (reader.Take(","));
  return reader.Take("}");
}

}  // namespace

GroupText::GroupText(const TargetGroup& group) : targets_(group.targets.size()) {
  const std::size_t bytes = EncodedGroupBytes(group);
  list_.reserve(bytes + 3);
  list_ += '[';
  AppendGroup(list_, group);
  list_ += "]\n";
  labels_at_ = bytes - 1 - EncodedLabelsBytes(group.labels);
}

Expected<GroupText> GroupText::FromStored(std::string_view json) {
  GroupText text;
  PlainReader reader(json);
  if (TakeTargets(reader, text.targets_)) {
    text.labels_at_ = reader.at();
    if (TakeLabels(reader) && reader.Take("}") && reader.is_at_end()) {
      text.list_.reserve(json.size() + 3);
      text.list_ += '[';
      text.list_ += json;
      text.list_ += "]\n";
      return text;
    }
  }
  const auto group = DecodeStoredGroup(json);
  if (!group) return std::unexpected(group.error());
  return GroupText(*group);
}

TargetGroup GroupText::Decode() const {
  TargetGroup group;
  group.targets.reserve(targets_);
  std::string_view rest = json().substr(kBegin.size());
  for (std::size_t i = 0; i < targets_; ++i) {
    group.targets.push_back(Target::FromStored(JsonStringText(TakeString(rest))));
    rest.remove_prefix(1);  // A comma, or the end of the list.
  }
  LabelReader labels(*this);
  while (labels.Next()) {
    group.labels.emplace_hint(group.labels.end(), labels.name(), labels.value());
  }
  return group;
}

void LabelReader::Restart() {
  rest_ = labels_.substr(1);
  before_ = name_ = value_json_ = {};
}

bool LabelReader::Next() {
  if (rest_.starts_with('}')) return false;
  if (rest_.starts_with(',')) rest_.remove_prefix(1);
  before_ = name_;
  // No name of a label has anything that is escaped.
  name_ = TakeString(rest_);
  name_ = name_.substr(1, name_.size() - 2);
  rest_.remove_prefix(1);  // The colon.
  value_json_ = TakeString(rest_);
  return true;
}

std::string_view LabelReader::value() {
  if (!value_json_.contains('\\')) return value_json_.substr(1, value_json_.size() - 2);
  return unescaped_ = JsonStringText(value_json_);
}

std::string_view LabelReader::Find(std::string_view name) {
  if (name <= before_) Restart();
  while (name_ < name && Next()) {
  }
  return name_ == name && !name.empty() ? value() : std::string_view();
}

GroupJsonParts JsonWithLabels(const GroupText& text, std::span<const ExtraLabel> labels) {
  GroupJsonParts parts;
  const std::string_view json = text.json();
  const std::size_t own_bytes = text.labels_json().size();
  parts.head = json.substr(0, json.size() - own_bytes - 1);
  std::string& tail = parts.tail;
  std::size_t bytes = own_bytes + 1;
  for (const auto& [name, value] : labels) {
    bytes += std::string_view(",:").size() + JsonStringBytes(name) + JsonStringBytes(value);
  }
  tail.reserve(bytes);
  char separator = '{';
  const auto append_extra = [&](const ExtraLabel& label) {
    tail += std::exchange(separator, ',');
    AppendJsonString(tail, label.first);
    tail += ':';
    AppendJsonString(tail, label.second);
  };
  auto extra = labels.begin();
  LabelReader own(text);
  while (own.Next()) {
    for (; extra != labels.end() && extra->first < own.name(); ++extra) append_extra(*extra);
    if (extra != labels.end() && extra->first == own.name()) continue;
    tail += std::exchange(separator, ',');
    tail += '"';
    tail += own.name();
    tail += R"(":)";
    tail += own.value_json();
  }
  for (; extra != labels.end(); ++extra) append_extra(*extra);
  tail += separator == '{' ? "{}}" : "}}";
  return parts;
}

}  // namespace target_eye
