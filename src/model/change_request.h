#pragma once

#include <optional>
#include <vector>

#include "model/error.h"
#include "model/group_key.h"
#include "model/labels.h"
#include "model/target.h"
#include "model/target_group.h"

namespace target_eye {

// What a request's body says. A part that was not sent is absent; one that was sent empty is there
// and empty. Each value is valid in itself. Duplicate targets are kept: whether they are allowed
// depends on the method.
struct GroupData {
  std::optional<std::vector<Target>> targets;
  std::optional<Labels> labels;

  friend bool operator==(const GroupData&, const GroupData&) = default;
};

// What is asked. kAdd is `PUT` with `?add`: it adds the targets that are missing, sets the labels,
// and changes nothing else. Sent again, it changes nothing, so several services can register
// themselves in one group, each as often as it likes.
enum class Method { kPut, kAdd, kPost, kDelete };

// One request to change one group. `data` is absent if the request had no body.
struct ChangeRequest {
  Method method = Method::kPut;
  GroupKey key;
  std::optional<GroupData> data;
};

// The rules of a change: what `request` makes of `current`, the group that it names (null if there
// is none). Returns the group as it is to be, nothing if it is to be removed, or kInvalid if the
// request breaks a rule, those of CheckScrapeLabels among them. A request takes effect whole or not
// at all. Pure: no clock, no I/O, the same answer for the same arguments, on any thread. Linear in
// the size of the group and the request.
Expected<std::optional<TargetGroup>> Apply(const TargetGroup* current,
                                           const ChangeRequest& request);

}  // namespace target_eye
