#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/change_request.h"
#include "model/group_limits.h"
#include "registry/group_map.h"
#include "store/store.h"

namespace target_eye {

// What a batch of requests makes of the current groups: the rules of model/ for each request in
// order, each seeing what those before it did. Nothing is changed here.
class Batch {
 public:
  // One request, and who sent it when.
  struct Item {
    const ChangeRequest* request = nullptr;
    std::string_view changed_by;
    std::int64_t changed_at_ms = 0;
  };

  struct Limits {
    GroupLimits group;
    std::size_t groups = 1'000'000;
  };

  // `items` and the requests they point to must outlive the batch.
  Batch(const GroupMap& current, std::span<const Item> items, const Limits& limits);

  // What is to be kept: one write for each group that ends up different. None if nothing changes,
  // as when services register again what is registered.
  const std::vector<GroupWrite>& writes() const { return writes_; }

  // The answer to the request at `index`: the group after it or, if it removed the group, before
  // it. What `writes` changed is taken from `committed`, which must hold it by now.
  Expected<StoredGroupPtr> Answer(std::size_t index, const GroupMap& committed) const;

 private:
  void Evaluate(std::size_t index, const Item& item, const GroupMap& current);
  // Whether the limits let a group become `after`.
  Expected<void> Check(const TargetGroup* before, const TargetGroup& after) const;

  struct Outcome {
    std::optional<Error> error;
    StoredGroupPtr group;  // Null: what is committed under the key.
    const GroupKey* key = nullptr;
  };
  struct Working {
    StoredGroupPtr base;               // As it is now; null if there is none.
    std::optional<TargetGroup> now;    // After the requests so far.
    bool is_base = true;               // `now` is not filled in: nothing has changed.
    const Item* writer = nullptr;      // The last request that changed it.
    std::size_t last = 0;              // The last request that named it.
    std::vector<std::size_t> waiting;  // Requests whose answer is the group as it is `now`.
  };

  // The group as it is after the requests so far, for answers that no commit will have.
  static StoredGroupPtr Materialize(const GroupKey& key, const Working& working);
  void AnswerWaiting(const GroupKey& key, Working& working);

  const Limits limits_;
  std::size_t groups_;  // After the requests so far.
  std::vector<Outcome> outcomes_;
  // The keys are views of those in the requests, which outlive the batch.
  std::unordered_map<GroupKeyView, Working, GroupKeyHash, GroupKeyEqual> working_;
  std::vector<GroupWrite> writes_;
};

}  // namespace target_eye
