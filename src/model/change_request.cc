#include "model/change_request.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_set>
#include <utility>

#include "model/scrape_labels.h"

namespace target_eye {
namespace {

using Outcome = Expected<std::optional<TargetGroup>>;
using TargetTexts = std::unordered_set<std::string_view>;

TargetTexts TextsOf(const std::vector<Target>& targets) {
  TargetTexts texts;
  texts.reserve(targets.size());
  for (const Target& target : targets) texts.insert(target.text());
  return texts;
}

std::vector<Target> WithoutRepeats(const std::vector<Target>& targets) {
  TargetTexts seen;
  seen.reserve(targets.size());
  std::vector<Target> kept;
  kept.reserve(targets.size());
  for (const Target& target : targets) {
    if (seen.insert(target.text()).second) kept.push_back(target);
  }
  return kept;
}

Expected<void> CheckNoRepeats(const std::vector<Target>& targets) {
  TargetTexts seen;
  seen.reserve(targets.size());
  for (const Target& target : targets) {
    if (!seen.insert(target.text()).second) {
      return Invalid(
          fmt::format("target {}: is given twice; expected each once", Quote(target.text())));
    }
  }
  return {};
}

// `labels` with `job` and `env`, where not given, taken from `job` and `env`.
Labels Completed(Labels labels, std::string_view job, std::string_view env) {
  labels.emplace(kJobLabel, job);
  labels.emplace(kEnvLabel, env);
  return labels;
}

Labels WithDefaults(Labels labels, const GroupKey& key) {
  return Completed(std::move(labels), key.application, key.environment);
}

// The value of a label that a registered group always has; the default where stored data lacks it.
std::string_view ValueOr(const Labels& labels, std::string_view name, std::string_view fallback) {
  const auto found = labels.find(name);
  return found == labels.end() ? fallback : std::string_view(found->second);
}

std::unexpected<Error> NoSuchGroup(const GroupKey& key, std::string_view expected) {
  return Invalid(fmt::format("application {}, environment {}: nothing is registered; {}",
                             Quote(key.application), Quote(key.environment), expected));
}

constexpr std::string_view kAtLeastOneTarget = "expected at least one target, to register it";
constexpr std::string_view kEmptyTargets = "targets: is empty; expected at least one target";
constexpr std::string_view kEmptyLabels = "labels: is empty; expected at least one label";

bool IsKept(std::string_view label) { return label == kJobLabel || label == kEnvLabel; }

// A part that was sent; null if it was not.
const std::vector<Target>* SentTargets(const ChangeRequest& request) {
  return request.data && request.data->targets ? &*request.data->targets : nullptr;
}

const Labels* SentLabels(const ChangeRequest& request) {
  return request.data && request.data->labels ? &*request.data->labels : nullptr;
}

Outcome Put(const TargetGroup* current, const ChangeRequest& request) {
  const std::vector<Target>* targets = SentTargets(request);
  const Labels* labels = SentLabels(request);
  if (targets != nullptr && targets->empty()) return Invalid(std::string(kEmptyTargets));
  if (targets == nullptr) {
    if (current == nullptr) return NoSuchGroup(request.key, kAtLeastOneTarget);
    if (labels == nullptr) return *current;
    return TargetGroup{
        current->targets,
        Completed(*labels, ValueOr(current->labels, kJobLabel, request.key.application),
                  ValueOr(current->labels, kEnvLabel, request.key.environment))};
  }
  const bool keeps_labels = labels == nullptr && current != nullptr;
  return TargetGroup{WithoutRepeats(*targets),
                     keeps_labels
                         ? current->labels
                         : WithDefaults(labels != nullptr ? *labels : Labels(), request.key)};
}

Outcome Add(const TargetGroup* current, const ChangeRequest& request) {
  const std::vector<Target>* targets = SentTargets(request);
  const Labels* labels = SentLabels(request);
  if (targets != nullptr && targets->empty()) return Invalid(std::string(kEmptyTargets));
  if (current == nullptr) return Put(current, request);
  TargetGroup next = *current;
  if (labels != nullptr) {
    for (const auto& [name, value] : *labels) next.labels.insert_or_assign(name, value);
  }
  if (targets != nullptr) {
    TargetTexts present = TextsOf(current->targets);
    for (const Target& target : *targets) {
      if (present.insert(target.text()).second) next.targets.push_back(target);
    }
  }
  return next;
}

// POST and DELETE need something to add or to remove in each part that is there.
Expected<void> CheckSaysSomething(std::string_view method, const std::vector<Target>* targets,
                                  const Labels* labels) {
  if (targets == nullptr && labels == nullptr) {
    return Invalid(fmt::format("{}: expected targets, labels or both in the body", method));
  }
  if (targets != nullptr && targets->empty()) return Invalid(std::string(kEmptyTargets));
  if (labels != nullptr && labels->empty()) return Invalid(std::string(kEmptyLabels));
  return {};
}

Expected<void> AddTargets(const std::vector<Target>& added, std::vector<Target>& targets) {
  const TargetTexts present = TextsOf(targets);
  for (const Target& target : added) {
    if (present.contains(target.text())) {
      return Invalid(fmt::format("target {}: is registered already; expected only new targets",
                                 Quote(target.text())));
    }
  }
  targets.insert(targets.end(), added.begin(), added.end());
  return {};
}

Expected<void> AddLabels(const Labels& added, Labels& labels) {
  bool changed = false;
  for (const auto& [name, value] : added) {
    std::string& slot = labels[name];
    changed = changed || slot != value;
    slot = value;
  }
  if (changed) return {};
  return Invalid(
      fmt::format("label {}: has the value {} already; expected at least one label that changes",
                  Quote(added.begin()->first), Quote(added.begin()->second)));
}

Outcome Post(const TargetGroup* current, const ChangeRequest& request) {
  const std::vector<Target>* targets = SentTargets(request);
  const Labels* labels = SentLabels(request);
  auto ok = CheckSaysSomething("POST", targets, labels);
  if (ok && targets != nullptr) ok = CheckNoRepeats(*targets);
  if (!ok) return std::unexpected(std::move(ok.error()));
  if (current == nullptr) {
    if (targets == nullptr) return NoSuchGroup(request.key, kAtLeastOneTarget);
    return TargetGroup{*targets, WithDefaults(labels != nullptr ? *labels : Labels(), request.key)};
  }
  TargetGroup next = *current;
  if (targets != nullptr) ok = AddTargets(*targets, next.targets);
  if (ok && labels != nullptr) ok = AddLabels(*labels, next.labels);
  if (!ok) return std::unexpected(std::move(ok.error()));
  return next;
}

Expected<void> CheckTargetsAreThere(const std::vector<Target>& removed,
                                    const TargetGroup& current) {
  if (auto ok = CheckNoRepeats(removed); !ok) return ok;
  const TargetTexts present = TextsOf(current.targets);
  for (const Target& target : removed) {
    if (!present.contains(target.text())) {
      return Invalid(fmt::format("target {}: is not registered; expected only registered targets",
                                 Quote(target.text())));
    }
  }
  return {};
}

Expected<void> CheckLabelsAreThere(const Labels& removed, const TargetGroup& current) {
  for (const auto& [name, value] : removed) {
    const auto found = current.labels.find(name);
    if (found == current.labels.end()) {
      return Invalid(
          fmt::format("label {}: is not set; expected only labels that are", Quote(name)));
    }
    if (found->second != value) {
      return Invalid(fmt::format("label {}: its value is {}, not {}; expected the current value",
                                 Quote(name), Quote(found->second), Quote(value)));
    }
  }
  return {};
}

// `removed` is known to be there, by name and value.
Expected<void> RemoveLabels(const Labels& removed, Labels& labels) {
  for (const auto& [name, value] : removed) {
    if (IsKept(name)) {
      return Invalid(
          fmt::format("label {}: cannot be removed, only given another value", Quote(name)));
    }
    labels.erase(name);
  }
  return {};
}

Outcome Delete(const TargetGroup* current, const ChangeRequest& request) {
  if (current == nullptr) return NoSuchGroup(request.key, "there is nothing to remove");
  if (!request.data) return std::nullopt;
  const std::vector<Target>* targets = SentTargets(request);
  const Labels* labels = SentLabels(request);
  auto ok = CheckSaysSomething("DELETE", targets, labels);
  if (ok && targets != nullptr) ok = CheckTargetsAreThere(*targets, *current);
  if (ok && labels != nullptr) ok = CheckLabelsAreThere(*labels, *current);
  if (!ok) return std::unexpected(std::move(ok.error()));

  // Each named one is there and named once, so that equal counts mean all of them.
  const bool all_targets = targets != nullptr && targets->size() == current->targets.size();
  const bool all_labels = labels != nullptr && labels->size() == current->labels.size();
  if (all_targets && all_labels) return std::nullopt;
  if (all_targets) {
    return Invalid(
        "targets: all of them cannot be removed without all labels; send DELETE without a "
        "body to remove the group");
  }

  TargetGroup next = *current;
  if (labels != nullptr) ok = RemoveLabels(*labels, next.labels);
  if (!ok) return std::unexpected(std::move(ok.error()));
  if (targets != nullptr) {
    const TargetTexts removed = TextsOf(*targets);
    std::erase_if(next.targets,
                  [&](const Target& target) { return removed.contains(target.text()); });
  }
  return next;
}

Outcome ApplyMethod(const TargetGroup* current, const ChangeRequest& request) {
  switch (request.method) {
    case Method::kPut:
      return Put(current, request);
    case Method::kAdd:
      return Add(current, request);
    case Method::kPost:
      return Post(current, request);
    case Method::kDelete:
      return Delete(current, request);
  }
  return Invalid("method: expected PUT, POST or DELETE");
}

}  // namespace

Expected<std::optional<TargetGroup>> Apply(const TargetGroup* current,
                                           const ChangeRequest& request) {
  Outcome after = ApplyMethod(current, request);
  if (!after || !*after) return after;
  auto ok = CheckScrapeLabels(current == nullptr ? nullptr : &current->labels, (*after)->labels);
  if (!ok) return std::unexpected(std::move(ok.error()));
  return after;
}

}  // namespace target_eye
