#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/error.h"
#include "model/target_group.h"

namespace target_eye {

// `{"targets":["a:1"],"labels":{"env":"e","job":"j"}}`: one element of the list that Prometheus's
// file_sd and http_sd take, on one line. The same group is always encoded to the same bytes:
// targets in their order, labels by name. All of `group` must be valid UTF-8.
std::string EncodeGroup(const TargetGroup& group);

// EncodeGroup(group).size(), without making it.
std::size_t EncodedGroupBytes(const TargetGroup& group);

// The same in two parts, with more labels. `labels` are sorted by name and win over the group's
// own. `json` is EncodeGroup(group); `head` is a view into it, so that no target is copied.
struct GroupJsonParts {
  std::string_view head;
  std::string tail;
};
using ExtraLabel = std::pair<std::string_view, std::string_view>;
GroupJsonParts EncodeGroupWith(const TargetGroup& group, std::string_view json,
                               std::span<const ExtraLabel> labels);

// Reads what EncodeGroup wrote; kDamaged if it is anything else. Targets are not checked again.
Expected<TargetGroup> DecodeStoredGroup(std::string_view json);

// Reads a whole file_sd file, as any program may have left it: a list of groups of `targets` and
// `labels`. Everything is checked as in a request; kInvalid names what is wrong. Labels may be
// absent, and targets may be empty. A target that a group repeats is kept once.
Expected<std::vector<TargetGroup>> DecodeFileSd(std::string_view json);

}  // namespace target_eye
