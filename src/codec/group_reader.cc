#include "codec/group_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "util/ascii.h"

namespace target_eye {

std::string_view SkipByteOrderMark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

Expected<void> AppendTargets(std::string_view list, std::size_t limit,
                             std::vector<Target>& targets) {
  if (targets.empty()) {
    const auto commas = static_cast<std::size_t>(std::ranges::count(list, ','));
    targets.reserve(std::min(commas + 1, limit));
  }
  std::string_view rest = list;
  while (true) {
    if (targets.size() >= limit) return TooMany("targets", limit);
    const std::size_t comma = rest.find(',');
    const std::string_view element = TrimSpaces(rest.substr(0, comma));
    if (element.empty() && list.find(',') != std::string_view::npos) {
      return Invalid(
          fmt::format("targets {}: has an empty element; expected host or host:port between commas",
                      Quote(list)));
    }
    auto target = Target::Parse(element);
    if (!target) return std::unexpected(std::move(target.error()));
    targets.push_back(*std::move(target));
    if (comma == std::string_view::npos) return {};
    rest.remove_prefix(comma + 1);
  }
}

bool GroupReader::Fail(std::string message) {
  error_ = Error{ErrorCode::kInvalid, std::move(message)};
  return false;
}

bool GroupReader::Unexpected(std::string_view found) {
  switch (place_) {
    case Place::kTop:
      return Fail(fmt::format("expected {}, found {}",
                              document_ == Document::kListOfGroups
                                  ? "a list of groups"
                                  : "one object with targets and labels",
                              found));
    case Place::kGroupList:
      return Fail(fmt::format("group {}: expected an object with targets and labels, found {}",
                              groups_.size() + 1, found));
    case Place::kGroup:
      return Fail(fmt::format("expected the key targets or labels, found {}", found));
    case Place::kTargetsValue:
      return Fail(fmt::format("targets: expected a list of strings, found {}", found));
    case Place::kTargets:
      return Fail(fmt::format("targets: element {}: expected a string, found {}",
                              targets_->size() + 1, found));
    case Place::kLabelsValue:
      return Fail(fmt::format("labels: expected an object of strings, found {}", found));
    case Place::kLabels:
      return Fail(fmt::format("labels: expected a label name, found {}", found));
    case Place::kLabelValue:
      return Fail(fmt::format("label {}: expected a string, found {}", Quote(label_name_), found));
    case Place::kEnd:
      break;
  }
  return Fail(fmt::format("expected nothing more, found {}", found));
}

bool GroupReader::BeginGroup() {
  groups_.emplace_back();
  place_ = Place::kGroup;
  return true;
}

bool GroupReader::BeginMap() {
  if (place_ == Place::kTop && document_ != Document::kListOfGroups) return BeginGroup();
  if (place_ == Place::kGroupList) {
    if (document_ == Document::kListOfGroups || groups_.empty()) return BeginGroup();
    return Fail("expected one group in the list, found more; each is sent to its own address");
  }
  if (place_ != Place::kLabelsValue) return Unexpected("an object");
  labels_ = &groups_.back().labels.emplace();
  place_ = Place::kLabels;
  return true;
}

bool GroupReader::EndMap() {
  if (place_ == Place::kLabels) {
    place_ = Place::kGroup;
  } else if (document_ == Document::kListOfGroups && !groups_.back().targets) {
    // At once: a file of nothing but `{}` would become thirty times its size.
    return Fail(fmt::format("group {}: has no targets", groups_.size()));
  } else {
    place_ = is_list_ ? Place::kGroupList : Place::kEnd;
  }
  return true;
}

bool GroupReader::BeginList() {
  if (place_ == Place::kTop && document_ != Document::kOneGroup) {
    is_list_ = true;
    place_ = Place::kGroupList;
    return true;
  }
  if (place_ != Place::kTargetsValue) return Unexpected("a list");
  targets_ = &groups_.back().targets.emplace();
  place_ = Place::kTargets;
  return true;
}

bool GroupReader::EndList() {
  if (place_ == Place::kTargets) {
    targets_->shrink_to_fit();  // They may wait for a while.
    place_ = Place::kGroup;
    return true;
  }
  if (document_ == Document::kRequest && groups_.empty()) {
    return Fail("the list is empty; expected one object with targets and labels");
  }
  place_ = Place::kEnd;
  return true;
}

bool GroupReader::Key(std::string_view key) {
  if (place_ == Place::kLabels) {
    if (auto ok = CheckLabelName(key); !ok) return Fail(std::move(ok.error().message));
    if (labels_->contains(key)) {
      return Fail(fmt::format("label {}: is given twice", Quote(key)));
    }
    if (labels_->size() >= limits_.labels) {
      return Fail(TooMany("labels", limits_.labels).error().message);
    }
    label_name_ = key;
    place_ = Place::kLabelValue;
    return true;
  }
  const bool is_targets = key == "targets";
  if (!is_targets && key != "labels") {
    return Fail(fmt::format("unknown key {}: expected targets or labels", Quote(key)));
  }
  const GroupData& group = groups_.back();
  if (is_targets ? group.targets.has_value() : group.labels.has_value()) {
    return Fail(fmt::format("key {}: is given twice", Quote(key)));
  }
  place_ = is_targets ? Place::kTargetsValue : Place::kLabelsValue;
  return true;
}

bool GroupReader::String(std::string_view value) {
  if (place_ == Place::kTargets) return AddTarget(value);
  if (place_ != Place::kLabelValue) return Unexpected("a string");
  if (auto ok = CheckLabelValue(label_name_, value); !ok) {
    return Fail(std::move(ok.error().message));
  }
  labels_->emplace(label_name_, value);
  place_ = Place::kLabels;
  return true;
}

bool GroupReader::Other(std::string_view what) { return Unexpected(what); }

bool GroupReader::AddTarget(std::string_view text) {
  if (trust_ == Trust::kStored) {
    targets_->push_back(Target::FromStored(std::string(text)));
    return true;
  }
  if (auto ok = AppendTargets(text, limits_.targets, *targets_); !ok)
    return Fail(std::move(ok.error().message));
  return true;
}

}  // namespace target_eye
