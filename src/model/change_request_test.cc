#include "model/change_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

namespace target_eye {
namespace {

using testing::HasSubstr;

GroupKey Key() { return {"app", "prod"}; }

// The tables below are in a short hand: "a:1 b:2 / env=prod job=app" is a group. A body is the
// same, with "-" for a part that was not sent: "a:1 / -" is {"targets": ["a:1"]}, "- / -" is {},
// and "- /" is {"labels": {}}.
struct Parts {
  std::optional<std::vector<Target>> targets;
  std::optional<Labels> labels;
};

Parts ParseParts(const std::string& text) {
  Parts parts{std::vector<Target>(), Labels()};
  std::istringstream words(text);
  bool in_labels = false;
  for (std::string word; words >> word;) {
    if (word == "/") {
      in_labels = true;
    } else if (word == "-" && in_labels) {
      parts.labels.reset();
    } else if (word == "-") {
      parts.targets.reset();
    } else if (in_labels) {
      const std::size_t equals = word.find('=');
      parts.labels->emplace(word.substr(0, equals), word.substr(equals + 1));
    } else {
      parts.targets->push_back(Target::Parse(word).value());
    }
  }
  return parts;
}

std::string ToText(const TargetGroup& group) {
  std::string text;
  for (const Target& target : group.targets) text += target.text() + " ";
  text += "/";
  for (const auto& [name, value] : group.labels) {
    text.append(" ").append(name).append("=").append(value);
  }
  return text;
}

constexpr const char* kNone = nullptr;
constexpr const char* kNoBody = nullptr;
constexpr const char* kRemoved = "removed";

struct Row {
  const char* current;
  const char* body;
  // A group, kRemoved, or "error: " and a part of the message.
  const char* outcome;
};

std::string Outcome(Method method, const Row& row) {
  std::optional<TargetGroup> current;
  if (row.current != kNone) {
    const Parts parts = ParseParts(row.current);
    current = TargetGroup{*parts.targets, *parts.labels};
  }
  ChangeRequest request{method, Key(), std::nullopt};
  if (row.body != kNoBody) {
    const Parts parts = ParseParts(row.body);
    request.data = GroupData{parts.targets, parts.labels};
  }
  const auto before = current;
  const auto after = Apply(current ? &*current : nullptr, request);
  EXPECT_EQ(current, before) << "the group was changed in place";
  if (!after) {
    EXPECT_EQ(after.error().code, ErrorCode::kInvalid);
    return "error: " + after.error().message;
  }
  return *after ? ToText(**after) : kRemoved;
}

void Check(Method method, std::initializer_list<Row> rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string("on ") + (row.current == kNone ? "none" : row.current) + ", body " +
                 (row.body == kNoBody ? "none" : row.body));
    const std::string_view expected = row.outcome;
    if (expected.starts_with("error: ")) {
      const std::string outcome = Outcome(method, row);
      EXPECT_TRUE(outcome.starts_with("error: ")) << outcome;
      EXPECT_THAT(outcome, HasSubstr(std::string(expected.substr(7))));
    } else {
      EXPECT_EQ(Outcome(method, row), expected);
    }
  }
}

constexpr const char* kGroup = "a:1 b:2 / env=prod job=app zone=x";
constexpr const char* kOverridden = "a:1 / env=e2 job=j2 zone=x";

TEST(PutTest, TargetsAndLabelsReplaceBothAndFallBackToTheDefaults) {
  Check(Method::kPut, {
                          {kGroup, "c:3 / rack=7", "c:3 / env=prod job=app rack=7"},
                          {kOverridden, "c:3 / rack=7", "c:3 / env=prod job=app rack=7"},
                          {kOverridden, "c:3 / job=j3", "c:3 / env=prod job=j3"},
                          {kOverridden, "c:3 / env=e3 job=j3", "c:3 / env=e3 job=j3"},
                          {kOverridden, "c:3 /", "c:3 / env=prod job=app"},
                          {kNone, "c:3 / rack=7", "c:3 / env=prod job=app rack=7"},
                          {kNone, "c:3 / env=e3 job=j3", "c:3 / env=e3 job=j3"},
                          {kNone, "c:3 /", "c:3 / env=prod job=app"},
                      });
}

TEST(PutTest, TargetsAloneReplaceTheTargetsAndKeepTheLabels) {
  Check(Method::kPut, {
                          {kGroup, "c:3 / -", "c:3 / env=prod job=app zone=x"},
                          {kOverridden, "c:3 / -", "c:3 / env=e2 job=j2 zone=x"},
                          {kNone, "c:3 d:4 / -", "c:3 d:4 / env=prod job=app"},
                      });
}

TEST(PutTest, LabelsAloneReplaceTheLabelsAndKeepJobAndEnv) {
  Check(Method::kPut, {
                          {kGroup, "- / rack=7", "a:1 b:2 / env=prod job=app rack=7"},
                          {kOverridden, "- / rack=7", "a:1 / env=e2 job=j2 rack=7"},
                          {kOverridden, "- / job=j3", "a:1 / env=e2 job=j3"},
                          {kOverridden, "- /", "a:1 / env=e2 job=j2"},
                          {kNone, "- / rack=7", "error: expected at least one target"},
                          {kNone, "- /", "error: expected at least one target"},
                      });
}

TEST(PutTest, NothingChangesNothing) {
  Check(Method::kPut,
        {
            {kOverridden, kNoBody, kOverridden},
            {kOverridden, "- / -", kOverridden},
            {kNone, kNoBody,
             "error: application \"app\", environment \"prod\": nothing is registered"},
            {kNone, "- / -", "error: nothing is registered"},
        });
}

TEST(PutTest, AnEmptyTargetListIsRefused) {
  Check(Method::kPut, {
                          {kGroup, "/ -", "error: targets: is empty"},
                          {kGroup, "/ rack=7", "error: targets: is empty"},
                          {kGroup, "/", "error: targets: is empty"},
                          {kNone, "/ -", "error: targets: is empty"},
                          {kNone, "/ rack=7", "error: targets: is empty"},
                      });
}

TEST(PutTest, RepeatedTargetsAreKeptOnceWhereFirstGiven) {
  Check(Method::kPut,
        {
            {kGroup, "c:3 a:1 c:3 b:2 a:1 / -", "c:3 a:1 b:2 / env=prod job=app zone=x"},
            {kNone, "a:1 a:1 / -", "a:1 / env=prod job=app"},
        });
}

TEST(AddTest, WhatIsMissingIsAddedAndTheRestStays) {
  Check(Method::kAdd, {
                          {kGroup, "d:4 c:3 / -", "a:1 b:2 d:4 c:3 / env=prod job=app zone=x"},
                          {kGroup, "c:3 a:1 / -", "a:1 b:2 c:3 / env=prod job=app zone=x"},
                          {kGroup, "c:3 c:3 / -", "a:1 b:2 c:3 / env=prod job=app zone=x"},
                          {kGroup, "b:2 / -", kGroup},
                          {kGroup, "b:2 a:1 / zone=x", kGroup},
                      });
}

TEST(AddTest, LabelsAreSetAndNoneIsTakenAway) {
  Check(Method::kAdd, {
                          {kGroup, "- / rack=7", "a:1 b:2 / env=prod job=app rack=7 zone=x"},
                          {kGroup, "b:2 / zone=y", "a:1 b:2 / env=prod job=app zone=y"},
                          {kGroup, "- / zone=x", kGroup},
                          {kOverridden, "c:3 / rack=7", "a:1 c:3 / env=e2 job=j2 rack=7 zone=x"},
                          {kOverridden, "c:3 / job=j3", "a:1 c:3 / env=e2 job=j3 zone=x"},
                      });
}

TEST(AddTest, AGroupIsCreatedAsByPut) {
  Check(Method::kAdd, {
                          {kNone, "c:3 c:3 / -", "c:3 / env=prod job=app"},
                          {kNone, "c:3 / rack=7", "c:3 / env=prod job=app rack=7"},
                          {kNone, "c:3 /", "c:3 / env=prod job=app"},
                          {kNone, "- / rack=7", "error: expected at least one target"},
                          {kNone, kNoBody, "error: nothing is registered"},
                          {kNone, "- / -", "error: nothing is registered"},
                      });
}

TEST(AddTest, NothingToAddChangesNothing) {
  Check(Method::kAdd, {
                          {kOverridden, kNoBody, kOverridden},
                          {kOverridden, "- / -", kOverridden},
                          {kOverridden, "- /", kOverridden},
                          {kOverridden, "a:1 /", kOverridden},
                      });
}

TEST(AddTest, AnEmptyTargetListIsRefused) {
  for (const char* current : {kGroup, kNone}) {
    Check(Method::kAdd, {
                            {current, "/ -", "error: targets: is empty"},
                            {current, "/ rack=7", "error: targets: is empty"},
                            {current, "/", "error: targets: is empty"},
                        });
  }
}

TEST(PostTest, TargetsAreAddedAtTheEnd) {
  Check(Method::kPost, {
                           {kGroup, "d:4 c:3 / -", "a:1 b:2 d:4 c:3 / env=prod job=app zone=x"},
                           {kOverridden, "b:2 / -", "a:1 b:2 / env=e2 job=j2 zone=x"},
                           {kNone, "d:4 c:3 / -", "d:4 c:3 / env=prod job=app"},
                       });
}

TEST(PostTest, ATargetThatExistsOrIsRepeatedIsRefused) {
  Check(Method::kPost, {
                           {kGroup, "c:3 b:2 / -", "error: target \"b:2\": is registered already"},
                           {kGroup, "b:2 / rack=7", "error: target \"b:2\": is registered already"},
                           {kGroup, "c:3 c:3 / -", "error: target \"c:3\": is given twice"},
                           {kNone, "c:3 c:3 / -", "error: target \"c:3\": is given twice"},
                       });
}

TEST(PostTest, LabelsAreAddedAndReplaced) {
  Check(Method::kPost,
        {
            {kGroup, "- / rack=7", "a:1 b:2 / env=prod job=app rack=7 zone=x"},
            {kGroup, "- / zone=y", "a:1 b:2 / env=prod job=app zone=y"},
            {kGroup, "- / rack=7 zone=x", "a:1 b:2 / env=prod job=app rack=7 zone=x"},
            {kGroup, "- / env=e2 job=j2", "a:1 b:2 / env=e2 job=j2 zone=x"},
            {kNone, "a:1 / job=j2 zone=x", "a:1 / env=prod job=j2 zone=x"},
            {kNone, "a:1 / job=app", "a:1 / env=prod job=app"},
            {kNone, "- / zone=x", "error: expected at least one target"},
        });
}

TEST(PostTest, LabelsThatChangeNothingAreRefusedEvenWithNewTargets) {
  Check(Method::kPost,
        {
            {kGroup, "- / zone=x", "error: label \"zone\": has the value \"x\" already"},
            {kGroup, "- / env=prod job=app zone=x", "error: already"},
            {kGroup, "c:3 / zone=x", "error: label \"zone\""},
        });
}

TEST(PostTest, TargetsAndLabelsTakeEffectTogether) {
  Check(Method::kPost, {
                           {kGroup, "c:3 / zone=y", "a:1 b:2 c:3 / env=prod job=app zone=y"},
                       });
}

TEST(PostTest, NothingOrAnEmptyPartIsRefused) {
  for (const char* current : {kGroup, kNone}) {
    Check(Method::kPost, {
                             {current, kNoBody, "error: POST: expected targets, labels or both"},
                             {current, "- / -", "error: POST: expected targets, labels or both"},
                             {current, "/ -", "error: targets: is empty"},
                             {current, "- /", "error: labels: is empty"},
                             {current, "/ rack=7", "error: targets: is empty"},
                             {current, "c:3 /", "error: labels: is empty"},
                             {current, "/", "error: is empty"},
                         });
  }
}

TEST(DeleteTest, NoBodyRemovesTheGroup) {
  Check(Method::kDelete, {{kGroup, kNoBody, kRemoved}, {kOverridden, kNoBody, kRemoved}});
}

TEST(DeleteTest, WhereThereIsNoneEverythingIsRefused) {
  for (const char* body :
       {kNoBody, "- / -", "/", "a:1 / -", "- / zone=x", "a:1 / env=prod job=app"}) {
    Check(Method::kDelete, {{kNone, body, "error: nothing is registered"}});
  }
}

TEST(DeleteTest, TargetsAreRemovedInPlace) {
  Check(Method::kDelete,
        {
            {"a:1 b:2 c:3 / env=prod job=app", "b:2 / -", "a:1 c:3 / env=prod job=app"},
            {"a:1 b:2 c:3 / env=prod job=app", "c:3 a:1 / -", "b:2 / env=prod job=app"},
        });
}

TEST(DeleteTest, ATargetThatIsNotThereOrIsRepeatedIsRefused) {
  Check(Method::kDelete, {
                             {kGroup, "a:1 c:3 / -", "error: target \"c:3\": is not registered"},
                             {kGroup, "a:2 / -", "error: target \"a:2\": is not registered"},
                             {kGroup, "a:1 a:1 / -", "error: target \"a:1\": is given twice"},
                         });
}

TEST(DeleteTest, AllTargetsWithoutAllLabelsAreRefused) {
  Check(Method::kDelete,
        {
            {kGroup, "a:1 b:2 / -", "error: all of them cannot be removed"},
            {kGroup, "b:2 a:1 / zone=x", "error: all of them cannot be removed"},
            {kGroup, "a:1 b:2 / job=app zone=x", "error: all of them cannot be removed"},
            {kOverridden, "a:1 / zone=x", "error: all of them cannot be removed"},
        });
}

TEST(DeleteTest, AllTargetsAndAllLabelsRemoveTheGroup) {
  Check(Method::kDelete,
        {
            {kGroup, "b:2 a:1 / env=prod job=app zone=x", kRemoved},
            {kOverridden, "a:1 / env=e2 job=j2 zone=x", kRemoved},
            {"a:1 / env=prod job=app", "a:1 / env=prod job=app", kRemoved},
            {kOverridden, "a:1 / env=prod job=app zone=x", "error: label \"env\""},
            {kGroup, "b:2 a:1 a:1 / env=prod job=app zone=x", "error: is given twice"},
        });
}

TEST(DeleteTest, LabelsAreRemoved) {
  Check(Method::kDelete, {
                             {kGroup, "- / zone=x", "a:1 b:2 / env=prod job=app"},
                             {kGroup, "a:1 / zone=x", "b:2 / env=prod job=app"},
                             {"a:1 / env=e job=j k1=1 k2=2", "- / k1=1", "a:1 / env=e job=j k2=2"},
                         });
}

TEST(DeleteTest, ALabelThatIsNotThereOrHasAnotherValueIsRefused) {
  Check(Method::kDelete,
        {
            {kGroup, "- / rack=7", "error: label \"rack\": is not set"},
            {kGroup, "- / zone=y", "error: label \"zone\": its value is \"x\", not \"y\""},
            {kGroup, "a:1 / zone=y", "error: label \"zone\""},
        });
}

TEST(DeleteTest, JobAndEnvStay) {
  Check(Method::kDelete, {
                             {kGroup, "- / job=app", "error: label \"job\": cannot be removed"},
                             {kGroup, "- / env=prod", "error: label \"env\": cannot be removed"},
                             {kGroup, "a:1 / job=app", "error: label \"job\": cannot be removed"},
                             {kGroup, "- / env=prod job=app zone=x", "error: cannot be removed"},
                             {kGroup, "a:1 / env=prod job=app zone=x", "error: cannot be removed"},
                         });
}

TEST(DeleteTest, NothingOrAnEmptyPartIsRefused) {
  Check(Method::kDelete, {
                             {kGroup, "- / -", "error: DELETE: expected targets, labels or both"},
                             {kGroup, "/ -", "error: targets: is empty"},
                             {kGroup, "- /", "error: labels: is empty"},
                             {kGroup, "/ zone=x", "error: targets: is empty"},
                             {kGroup, "a:1 /", "error: labels: is empty"},
                         });
}

TEST(ApplyTest, AValueThatPrometheusCannotUseIsRefusedWhereItIsGiven) {
  constexpr const char* kOld = "a:1 / __scheme__=x env=prod job=app";
  for (const Method method : {Method::kPut, Method::kAdd, Method::kPost}) {
    Check(method, {
                      {kGroup, "c:3 / __scheme__=ftp", "error: label \"__scheme__\""},
                      {kNone, "c:3 / __scrape_interval__=5", "error: \"__scrape_interval__\""},
                      {kGroup, "- / __scrape_timeout__=0", "error: \"__scrape_timeout__\""},
                      {kOld, "c:3 / __scheme__=y", "error: label \"__scheme__\""},
                  });
  }
  // What was there before such values were refused can be changed elsewhere, and be mended.
  Check(Method::kPut, {{kOld, "c:3 / -", "c:3 / __scheme__=x env=prod job=app"},
                       {kOld, "- / __scheme__=https", "a:1 / __scheme__=https env=prod job=app"}});
  Check(Method::kPost, {{kOld, "c:3 / -", "a:1 c:3 / __scheme__=x env=prod job=app"}});
  Check(Method::kDelete, {{kOld, "- / __scheme__=x", "a:1 / env=prod job=app"},
                          {kOld, "a:1 / __scheme__=x env=prod job=app", kRemoved}});
}

TEST(ApplyTest, DefaultsAreTheKeysPartsWhateverTheyHold) {
  const ChangeRequest request{Method::kPut,
                              {"caf\xC3\xA9 \"x\"", "a/b"},
                              GroupData{std::vector{Target::FromStored("a:1")}, {}}};
  const auto group = Apply(nullptr, request);
  ASSERT_TRUE(group && *group);
  EXPECT_EQ((*group)->labels, (Labels{{"env", "a/b"}, {"job", "caf\xC3\xA9 \"x\""}}));
}

TEST(ApplyTest, ALargeGroupIsChangedWhole) {
  constexpr int kCount = 50'000;
  std::vector<Target> many;
  many.reserve(kCount);
  for (int i = 0; i < kCount; ++i) {
    many.push_back(Target::FromStored("host-" + std::to_string(i) + ":1"));
  }
  const std::vector<Target> half(many.begin(), many.begin() + kCount / 2);
  const std::vector<Target> other_half(many.begin() + kCount / 2, many.end());

  const auto created = Apply(nullptr, {Method::kPut, Key(), GroupData{half, {}}});
  ASSERT_TRUE(created && *created);
  const auto added = Apply(&**created, {Method::kPost, Key(), GroupData{other_half, {}}});
  ASSERT_TRUE(added && *added);
  EXPECT_EQ((*added)->targets, many);
  const auto removed = Apply(&**added, {Method::kDelete, Key(), GroupData{half, {}}});
  ASSERT_TRUE(removed && *removed);
  EXPECT_EQ((*removed)->targets, other_half);
}

}  // namespace
}  // namespace target_eye
