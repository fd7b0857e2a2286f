#include "registry/batch.h"

#include <fmt/format.h>

#include <utility>

namespace target_eye {

Batch::Batch(const GroupMap& current, std::span<const Item> items, const Limits& limits)
    : limits_(limits), groups_(current.groups()), outcomes_(items.size()) {
  working_.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    Evaluate(i, items[i], current);
  }
  for (auto& [key, working] : working_) {
    const bool same = working.is_base || (working.base && working.now == working.base->group) ||
                      (!working.base && !working.now);
    if (same) {
      for (const std::size_t index : working.waiting) {
        outcomes_[index].group = working.base;
      }
      continue;
    }
    writes_.push_back({.key = *outcomes_[working.last].key,
                       .group = std::move(working.now),
                       .expected_revision = working.base ? working.base->revision : 0,
                       .changed_by = std::string(working.writer->changed_by),
                       .changed_at_ms = working.writer->changed_at_ms});
  }
}

void Batch::Evaluate(std::size_t index, const Item& item, const GroupMap& current) {
  const ChangeRequest& request = *item.request;
  Outcome& outcome = outcomes_[index];
  outcome.key = &request.key;

  auto [it, inserted] = working_.try_emplace(request.key);
  Working& working = it->second;
  if (inserted) {
    working.base = current.Find(request.key);
  }
  working.last = index;
  const TargetGroup* before = working.is_base ? (working.base ? &working.base->group : nullptr)
                                              : (working.now ? &*working.now : nullptr);
  auto after = Apply(before, request);
  if (after && *after) {
    if (auto fits = Check(before, **after); !fits) after = std::unexpected(std::move(fits.error()));
  }
  if (!after) {
    outcome.error = std::move(after.error());
    return;
  }
  if (!*after) {
    outcome.group = Materialize(request.key, working);
  } else if (before != nullptr && **after == *before) {
    working.waiting.push_back(index);
    return;
  }
  if (before == nullptr) ++groups_;
  if (!*after) --groups_;
  AnswerWaiting(request.key, working);
  if (*after) {
    working.waiting.push_back(index);
  }
  working.now = std::move(*after);
  working.is_base = false;
  working.writer = &item;
}

Expected<void> Batch::Check(const TargetGroup* before, const TargetGroup& after) const {
  if (before == nullptr && groups_ >= limits_.groups) {
    return Invalid(fmt::format(
        "there are {} groups already; expected at most {}: remove one before adding another",
        groups_, limits_.groups));
  }
  return CheckLimits(before, after, limits_.group);
}

StoredGroupPtr Batch::Materialize(const GroupKey& key, const Working& working) {
  if (working.is_base) {
    return working.base;
  }
  return MakeStoredGroup({.key = key,
                          .group = working.now,
                          .expected_revision = 0,
                          .changed_by = {},
                          .changed_at_ms = 0},
                         0);
}

void Batch::AnswerWaiting(const GroupKey& key, Working& working) {
  if (working.waiting.empty()) {
    return;
  }
  const StoredGroupPtr group = Materialize(key, working);
  for (const std::size_t index : working.waiting) {
    outcomes_[index].group = group;
  }
  working.waiting.clear();
}

Expected<StoredGroupPtr> Batch::Answer(std::size_t index, const GroupMap& committed) const {
  const Outcome& outcome = outcomes_[index];
  if (outcome.error) {
    return std::unexpected(*outcome.error);
  }
  return outcome.group ? outcome.group : committed.Find(*outcome.key);
}

}  // namespace target_eye
