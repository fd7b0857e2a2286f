#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "model/change_request.h"
#include "model/group_limits.h"
#include "registry/group_map.h"
#include "registry/last_decoded.h"
#include "store/store.h"

namespace target_eye {

// What a batch of requests makes of the current groups: the rules of model/ for each request in
// order, each seeing what those before it made. Nothing is changed here.
//
// It takes requests until it is full, has one write for each group that ends up other than it was,
// and, when it knows what became of these, the answer to each request.
class Batch {
 public:
  // One request, and who sent it when.
  struct Item {
    const ChangeRequest* request = nullptr;
    const Origin* origin = nullptr;
  };

  struct Limits {
    GroupLimits group = {};
    std::size_t groups = 1'000'000;
    // Groups that one commit may change, and what all states together may take that the requests
    // make of groups, by BytesOf: those in between are kept for the answers. The first request is
    // taken whatever it makes.
    std::size_t writes = 4096;
    std::size_t bytes = std::size_t{4} << 20;
    // What one group may take; a request that would make a larger one is refused.
    std::size_t group_bytes = std::numeric_limits<std::size_t>::max();
  };

  // Groups as they are known to be, whatever GroupMap says: what overtook an earlier batch. Null:
  // there is none.
  using Overlay = std::unordered_map<GroupKey, StoredGroupPtr, GroupKeyHash, GroupKeyEqual>;

  // All but `limits` must outlive the batch; `decoded` is what it takes groups apart with.
  Batch(const GroupMap& current, const Overlay& overlay, LastDecoded& decoded,
        const Limits& limits);

  // Takes one request more, which must outlive the batch; false: it is full, and nothing of this
  // request was taken.
  bool Add(const Item& item);

  // What is to be written, after the last Add. None where nothing changes, as when services
  // register again what is registered.
  std::vector<GroupWrite> TakeWrites();

  // What became of these, in their order. Before any of the following.
  void Settle(std::vector<Store::Written> written) { written_ = std::move(written); }

  // The group that the request at `index` names, as it is now, if somebody else has changed it
  // meanwhile: the request must be evaluated again on that. Null: nobody has.
  const Store::Written* Overtaken(std::size_t index) const;

  // The answer to the request at `index`: the group after it, or, where it removed the group, as it
  // was. If the group could not be written, what the store says of that.
  Expected<StoredGroupPtr> Answer(std::size_t index) const;

 private:
  struct Working {
    StoredGroupPtr base;               // As it is now; null if there is none.
    bool is_base = true;               // Nothing has changed, and the next two are not filled in.
    std::optional<TargetGroup> now;    // After the requests so far,
    std::optional<GroupText> text;     // and the text of that.
    const Item* writer = nullptr;      // The last request that changed it.
    std::vector<std::size_t> waiting;  // Requests whose answer is the group as it is `now`.
    std::optional<std::size_t> write;  // Which of the writes is its own.
  };
  struct Outcome {
    std::optional<Error> error;
    StoredGroupPtr group;  // Null: what is written of `working`.
    const Working* working = nullptr;
  };

  // Whether the limits let the group of `key` become `after`, which takes `bytes`.
  Expected<void> Check(const GroupKey& key, const TargetGroup* before, const TargetGroup& after,
                       std::size_t bytes) const;
  StoredGroupPtr Current(const GroupKey& key) const;
  // The group after the requests so far; null if there is none. Good until the next call.
  const TargetGroup* Before(const Working& working);
  // The group as it is after the requests so far, for answers that no commit will give. Takes its
  // text: another state follows.
  static StoredGroupPtr Materialize(const GroupKey& key, Working& working);
  void AnswerWaiting(const GroupKey& key, Working& working);
  // What was written for it, or why it was not; null: it was not to be written.
  const Store::Written* WrittenOf(std::size_t index) const;

  const GroupMap& current_;
  const Overlay& overlay_;
  LastDecoded& decoded_;
  const Limits limits_;
  std::size_t groups_;      // After the requests so far.
  std::size_t writes_ = 0;  // At most: a group may end up as it was.
  std::size_t bytes_ = 0;   // Of all states that were made.
  std::deque<Item> items_;
  std::vector<Outcome> outcomes_;
  // The keys are views of those in the requests, which outlive the batch.
  std::unordered_map<GroupKeyView, Working, GroupKeyHash, GroupKeyEqual> working_;
  std::vector<Store::Written> written_;
};

}  // namespace target_eye
