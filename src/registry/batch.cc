#include "registry/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace target_eye {

Batch::Batch(const GroupMap& current, const Overlay& overlay, LastDecoded& decoded,
             const Limits& limits)
    : current_(current),
      overlay_(overlay),
      decoded_(decoded),
      limits_(limits),
      groups_(current.groups()) {}

bool Batch::Add(const Item& item) {
  const GroupKey& key = item.request->key;
  const auto [it, inserted] = working_.try_emplace(key);
  Working& working = it->second;
  if (inserted) working.base = Current(key);
  const TargetGroup* const before = Before(working);
  auto after = Apply(before, *item.request);
  const bool changes = after && !(*after && before != nullptr && **after == *before);
  std::optional<GroupText> text;
  if (changes) {
    if (*after) text.emplace(**after);
    const std::size_t bytes = BytesOf(key, text ? &*text : nullptr, *item.origin);
    const bool fits = bytes <= limits_.bytes - std::min(bytes_, limits_.bytes) &&
                      (!working.is_base || writes_ < limits_.writes);
    if (!fits && !items_.empty()) {
      if (inserted) working_.erase(it);
      return false;
    }
    const auto allowed = *after ? Check(key, before, **after, bytes) : Expected<void>();
    if (allowed) {
      bytes_ += bytes;
    } else {
      after = std::unexpected(allowed.error());
    }
  }

  const std::size_t index = outcomes_.size();
  const Item& kept = items_.emplace_back(item);
  Outcome& outcome = outcomes_.emplace_back();
  outcome.working = &working;
  if (!after) {
    outcome.error = std::move(after.error());
    return true;
  }
  if (!changes) {
    working.waiting.push_back(index);
    return true;
  }
  if (!*after) working.waiting.push_back(index);  // Its answer is the group as it was.
  AnswerWaiting(key, working);
  if (*after) working.waiting.push_back(index);
  if (before == nullptr) ++groups_;
  if (!*after) --groups_;
  if (working.is_base) ++writes_;
  working.now = std::move(*after);
  working.text = std::move(text);
  working.is_base = false;
  working.writer = &kept;
  return true;
}

const TargetGroup* Batch::Before(const Working& working) {
  // What is not changed is not kept decoded: all that a batch asks for may be too much.
  if (working.is_base) return working.base ? &decoded_.Of(working.base) : nullptr;
  return working.now ? &*working.now : nullptr;
}

StoredGroupPtr Batch::Current(const GroupKey& key) const {
  const auto known = overlay_.find(key);
  return known == overlay_.end() ? current_.Find(key) : known->second;
}

Expected<void> Batch::Check(const GroupKey& key, const TargetGroup* before,
                            const TargetGroup& after, std::size_t bytes) const {
  if (before == nullptr && groups_ >= limits_.groups) {
    return Invalid(fmt::format(
        "there are {} groups already; expected at most {}: remove one before adding another",
        groups_, limits_.groups));
  }
  if (bytes > limits_.group_bytes) {
    return Invalid(fmt::format("the group {}/{} would take {} bytes; expected at most {}",
                               Quote(key.application), Quote(key.environment), bytes,
                               limits_.group_bytes));
  }
  return CheckLimits(before, after, limits_.group);
}

StoredGroupPtr Batch::Materialize(const GroupKey& key, Working& working) {
  if (working.is_base) return working.base;
  return MakeStoredGroup(key, *std::move(working.text), 0, {});
}

void Batch::AnswerWaiting(const GroupKey& key, Working& working) {
  if (working.waiting.empty()) return;
  const StoredGroupPtr group = Materialize(key, working);
  for (const std::size_t index : working.waiting) {
    outcomes_[index].group = group;
  }
  working.waiting.clear();
}

std::vector<GroupWrite> Batch::TakeWrites() {
  std::vector<GroupWrite> writes;
  writes.reserve(writes_);
  for (auto& [key, working] : working_) {
    const bool is_same = working.is_base || (working.base ? working.text == working.base->text
                                                          : !working.text.has_value());
    if (is_same) {
      for (const std::size_t index : working.waiting) {
        outcomes_[index].group = working.base;
      }
      continue;
    }
    working.write = writes.size();
    writes.push_back({.key = working.writer->request->key,
                      .group = std::move(working.text),
                      .before = working.base,
                      .origin = *working.writer->origin});
  }
  return writes;
}

const Store::Written* Batch::WrittenOf(std::size_t index) const {
  const auto& write = outcomes_[index].working->write;
  return write ? &written_[*write] : nullptr;
}

const Store::Written* Batch::Overtaken(std::size_t index) const {
  const Store::Written* written = WrittenOf(index);
  const bool is_overtaken =
      written != nullptr && written->error && written->error->code == ErrorCode::kConflict;
  return is_overtaken ? written : nullptr;
}

Expected<StoredGroupPtr> Batch::Answer(std::size_t index) const {
  const Outcome& outcome = outcomes_[index];
  const Store::Written* written = WrittenOf(index);
  // What a request was told of a group depends on those before it, which came to nothing.
  if (written != nullptr && written->error) return std::unexpected(*written->error);
  if (outcome.error) return std::unexpected(*outcome.error);
  return written == nullptr || outcome.group ? outcome.group : written->group;
}

}  // namespace target_eye
