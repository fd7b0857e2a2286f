#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "model/target_group.h"

namespace target_eye {

// `{"targets":["a:1"],"labels":{"env":"e","job":"j"}}`: one element of the list that Prometheus's
// file_sd and http_sd take, on one line. The same group is always encoded to the same bytes:
// targets in their order, labels by name. All of `group` must be valid UTF-8.
std::string EncodeGroup(const TargetGroup& group);

// The same, appended to what `out` holds.
void AppendGroup(std::string& out, const TargetGroup& group);

// EncodeGroup(group).size(), and what its labels are of that, braces included; without making it.
std::size_t EncodedGroupBytes(const TargetGroup& group);
std::size_t EncodedLabelsBytes(const Labels& labels);

// Reads what EncodeGroup wrote; kDamaged if it is anything else. Targets are not checked again.
Expected<TargetGroup> DecodeStoredGroup(std::string_view json);

// Reads a whole file_sd file, as any program may have left it: a list of groups of `targets` and
// `labels`. Everything is checked as in a request; kInvalid names what is wrong. Labels may be
// absent, and targets may be empty. A target that a group repeats is kept once.
Expected<std::vector<TargetGroup>> DecodeFileSd(std::string_view json);

}  // namespace target_eye
