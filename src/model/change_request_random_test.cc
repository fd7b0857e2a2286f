// Apply against a model of the contract's table that is as plain as can be: lists searched from end
// to end, one function a row. TARGET_EYE_SEED repeats a run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "model/change_request.h"

namespace target_eye {
namespace {

using Names = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

struct PlainGroup {
  Names targets;
  Pairs labels;
};

struct PlainBody {
  std::optional<Names> targets;
  std::optional<Pairs> labels;
};

struct PlainResult {
  bool refused = false;
  std::optional<PlainGroup> group;
};

PlainResult Refused() { return {true, std::nullopt}; }

bool Has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::string* ValueOf(const Pairs& labels, const std::string& name) {
  for (const auto& [n, v] : labels) {
    if (n == name) return &v;
  }
  return nullptr;
}

void Set(Pairs& labels, const std::string& name, const std::string& value) {
  for (auto& [n, v] : labels) {
    if (n == name) {
      v = value;
      return;
    }
  }
  labels.emplace_back(name, value);
}

bool HasRepeat(const Names& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (names[i] == names[j]) return true;
    }
  }
  return false;
}

bool Covers(const PlainGroup& group, const PlainBody& body) {
  if (!body.targets || !body.labels) return false;
  for (const auto& target : group.targets) {
    if (!Has(*body.targets, target)) return false;
  }
  for (const auto& [name, value] : group.labels) {
    if (ValueOf(*body.labels, name) == nullptr) return false;
  }
  return true;
}

class PlainModel {
 public:
  PlainModel(std::string app, std::string env) : app_(std::move(app)), env_(std::move(env)) {}

  PlainResult Put(const std::optional<PlainGroup>& now,
                  const std::optional<PlainBody>& sent) const {
    const PlainBody body = sent.value_or(PlainBody{});
    if (body.targets && body.targets->empty()) return Refused();
    if (!now && !body.targets) return Refused();
    PlainGroup next = now.value_or(PlainGroup{{}, {{"job", app_}, {"env", env_}}});
    const Pairs before = next.labels;
    if (body.targets) {
      next.targets.clear();
      for (const auto& target : *body.targets) {
        if (!Has(next.targets, target)) next.targets.push_back(target);
      }
    }
    if (body.labels) {
      next.labels = *body.labels;
      if (ValueOf(next.labels, "job") == nullptr) {
        Set(next.labels, "job", body.targets ? app_ : *ValueOf(before, "job"));
      }
      if (ValueOf(next.labels, "env") == nullptr) {
        Set(next.labels, "env", body.targets ? env_ : *ValueOf(before, "env"));
      }
    }
    return {false, next};
  }

  PlainResult Add(const std::optional<PlainGroup>& now,
                  const std::optional<PlainBody>& sent) const {
    const PlainBody body = sent.value_or(PlainBody{});
    if (body.targets && body.targets->empty()) return Refused();
    if (!now && !body.targets) return Refused();
    PlainGroup next = now.value_or(PlainGroup{{}, {{"job", app_}, {"env", env_}}});
    for (const auto& target : body.targets.value_or(Names{})) {
      if (!Has(next.targets, target)) next.targets.push_back(target);
    }
    for (const auto& [name, value] : body.labels.value_or(Pairs{})) Set(next.labels, name, value);
    return {false, next};
  }

  PlainResult Post(const std::optional<PlainGroup>& now,
                   const std::optional<PlainBody>& sent) const {
    const PlainBody body = sent.value_or(PlainBody{});
    if (!body.targets && !body.labels) return Refused();
    if (body.targets && (body.targets->empty() || HasRepeat(*body.targets))) return Refused();
    if (body.labels && body.labels->empty()) return Refused();
    if (!now && !body.targets) return Refused();
    PlainGroup next = now.value_or(PlainGroup{{}, {{"job", app_}, {"env", env_}}});
    for (const auto& target : body.targets.value_or(Names{})) {
      if (Has(next.targets, target)) return Refused();
      next.targets.push_back(target);
    }
    int differing = 0;
    for (const auto& [name, value] : body.labels.value_or(Pairs{})) {
      const std::string* old = ValueOf(next.labels, name);
      if (old == nullptr || *old != value) ++differing;
      Set(next.labels, name, value);
    }
    if (now && body.labels && differing == 0) return Refused();
    return {false, next};
  }

  static PlainResult Delete(const std::optional<PlainGroup>& now,
                            const std::optional<PlainBody>& sent) {
    if (!now) return Refused();
    if (!sent) return {false, std::nullopt};
    if (!sent->targets && !sent->labels) return Refused();
    if (sent->targets && (sent->targets->empty() || HasRepeat(*sent->targets))) return Refused();
    if (sent->labels && sent->labels->empty()) return Refused();
    PlainGroup next = *now;
    for (const auto& target : sent->targets.value_or(Names{})) {
      if (!Has(next.targets, target)) return Refused();
      std::erase(next.targets, target);
    }
    for (const auto& label : sent->labels.value_or(Pairs{})) {
      const std::string* old = ValueOf(next.labels, label.first);
      if (old == nullptr || *old != label.second) return Refused();
      std::erase(next.labels, label);
    }
    if (Covers(*now, *sent)) return {false, std::nullopt};
    if (next.targets.empty()) return Refused();
    if (ValueOf(next.labels, "job") == nullptr || ValueOf(next.labels, "env") == nullptr) {
      return Refused();
    }
    return {false, next};
  }

 private:
  std::string app_;
  std::string env_;
};

class Requests {
 public:
  explicit Requests(std::uint64_t seed) : random_(seed) {}

  std::size_t Below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  // Half of the time something near `now`, so that whole removals and unchanged labels come up.
  std::optional<PlainBody> Body(const std::optional<PlainGroup>& now) {
    if (Below(8) == 0) return std::nullopt;
    PlainBody body;
    if (Below(3) != 0) body.targets = now && Below(2) == 0 ? Shuffled(now->targets) : AnyTargets();
    if (Below(3) != 0) body.labels = now && Below(2) == 0 ? Some(now->labels) : AnyLabels();
    return body;
  }

 private:
  Names AnyTargets() {
    Names names;
    for (std::size_t i = Below(4); i > 0; --i) {
      names.push_back("h" + std::to_string(Below(5)) + ":1");
    }
    return names;
  }

  Names Shuffled(Names names) {
    std::shuffle(names.begin(), names.end(), random_);
    if (!names.empty() && Below(3) == 0) names.pop_back();
    return names;
  }

  Pairs AnyLabels() {
    static const Names names = {"job", "env", "a", "b", "c"};
    static const Names values = {"app", "prod", "1", "2"};
    Pairs labels;
    for (std::size_t i = Below(4); i > 0; --i) Set(labels, names[Below(5)], values[Below(4)]);
    return labels;
  }

  Pairs Some(Pairs labels) {
    if (Below(3) != 0) return labels;
    std::erase_if(labels, [&](const auto&) { return Below(2) == 0; });
    return labels;
  }

  std::mt19937_64 random_;
};

std::vector<Target> ToTargets(const Names& names) {
  std::vector<Target> targets;
  for (const auto& name : names) targets.push_back(Target::Parse(name).value());
  return targets;
}

Labels ToLabels(const Pairs& pairs) { return {pairs.begin(), pairs.end()}; }

std::uint64_t Seed() {
  const char* given = std::getenv("TARGET_EYE_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

TEST(ChangeRequestRandomTest, ApplyDoesWhatThePlainModelOfTheContractDoes) {
  constexpr int kSteps = 50'000;
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("TARGET_EYE_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  Requests requests(seed);
  const PlainModel model("app", "prod");
  const GroupKey key{"app", "prod"};
  std::optional<PlainGroup> plain;
  std::optional<TargetGroup> real;
  // What came up, by method and outcome, so that a change of the generator cannot hollow the test
  // out.
  std::map<std::pair<Method, std::string>, int> seen;

  for (int step = 0; step < kSteps; ++step) {
    const Method method =
        std::vector{Method::kPut, Method::kAdd, Method::kPost, Method::kDelete}[requests.Below(4)];
    const auto body = requests.Body(plain);
    const PlainResult expected = method == Method::kPut    ? model.Put(plain, body)
                                 : method == Method::kAdd  ? model.Add(plain, body)
                                 : method == Method::kPost ? model.Post(plain, body)
                                                           : PlainModel::Delete(plain, body);
    ChangeRequest request{method, key, std::nullopt};
    if (body) {
      request.data.emplace();
      if (body->targets) request.data->targets = ToTargets(*body->targets);
      if (body->labels) request.data->labels = ToLabels(*body->labels);
    }
    const auto actual = Apply(real ? &*real : nullptr, request);

    ASSERT_EQ(actual.has_value(), !expected.refused)
        << "step " << step << ": " << (actual ? "taken" : actual.error().message);
    if (!actual) {
      ASSERT_FALSE(actual.error().message.empty());
      ++seen[{method, "refused"}];
      continue;
    }
    ASSERT_EQ(actual->has_value(), expected.group.has_value()) << "step " << step;
    if (*actual) {
      ASSERT_EQ((*actual)->targets, ToTargets(expected.group->targets)) << "step " << step;
      ASSERT_EQ((*actual)->labels, ToLabels(expected.group->labels)) << "step " << step;
    }
    ++seen[{method, !*actual ? (body ? "removed by naming all" : "removed")
                    : real   ? "changed"
                             : "created"}];
    if (method == Method::kAdd) {
      const auto again = Apply(&**actual, request);
      ASSERT_TRUE(again) << "step " << step;
      ASSERT_EQ(*again, *actual) << "step " << step << ": an addition sent again changes nothing";
    }
    real = *actual;
    plain = expected.group;
  }

  for (const auto& [method, outcome] : std::vector<std::pair<Method, std::string>>{
           {Method::kPut, "refused"},
           {Method::kPut, "created"},
           {Method::kPut, "changed"},
           {Method::kAdd, "refused"},
           {Method::kAdd, "created"},
           {Method::kAdd, "changed"},
           {Method::kPost, "refused"},
           {Method::kPost, "created"},
           {Method::kPost, "changed"},
           {Method::kDelete, "refused"},
           {Method::kDelete, "changed"},
           {Method::kDelete, "removed"},
           {Method::kDelete, "removed by naming all"},
       }) {
    EXPECT_GT((seen[{method, outcome}]), 50) << outcome;
  }
}

// Whoever comes first: the targets of both are there, and those that were there before.
TEST(ChangeRequestRandomTest, AdditionsAreAllKeptInWhateverOrderTheyCome) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("TARGET_EYE_SEED=" + std::to_string(seed));
  Requests requests(seed);
  const GroupKey key{"app", "prod"};
  const auto added = [&](const std::optional<TargetGroup>& to, const PlainBody& body) {
    ChangeRequest request{Method::kAdd, key, GroupData{}};
    if (body.targets) request.data->targets = ToTargets(*body.targets);
    if (body.labels) request.data->labels = ToLabels(*body.labels);
    return Apply(to ? &*to : nullptr, request);
  };
  const auto sorted = [](const TargetGroup& group) {
    std::vector<Target> targets = group.targets;
    std::ranges::sort(targets);
    return targets;
  };
  int tried = 0;
  for (int step = 0; step < 10'000; ++step) {
    const auto a = requests.Body(std::nullopt);
    const auto b = requests.Body(std::nullopt);
    const auto base = requests.Body(std::nullopt);
    if (!a || !b || !base || !a->targets || !b->targets || !base->targets) continue;
    const auto before = added(std::nullopt, *base);
    if (!before || a->targets->empty() || b->targets->empty()) continue;
    const auto ab = added(*added(*before, *a), *b);
    const auto ba = added(*added(*before, *b), *a);
    ASSERT_TRUE(ab && *ab && ba && *ba);
    ASSERT_EQ(sorted(**ab), sorted(**ba));
    for (const PlainBody* body : {&*base, &*a, &*b}) {
      for (const Target& target : ToTargets(*body->targets)) {
        ASSERT_NE(std::ranges::find((*ab)->targets, target), (*ab)->targets.end()) << target.text();
      }
    }
    ++tried;
  }
  EXPECT_GT(tried, 500);
}

}  // namespace
}  // namespace target_eye
