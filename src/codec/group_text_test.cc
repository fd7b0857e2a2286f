#include "codec/group_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "codec/group_json.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using namespace std::string_literals;
using namespace std::string_view_literals;

TargetGroup Group(const std::vector<std::string>& targets, Labels labels) {
  TargetGroup group;
  for (const std::string& target : targets) group.targets.push_back(Target::FromStored(target));
  group.labels = std::move(labels);
  return group;
}

std::vector<TargetGroup> ManyGroups() {
  return {
      {},
      Group({"a:1"}, {}),
      Group({}, {{"env", "e"}}),
      Group({"a:1"}, {{"env", "e"}, {"job", "j"}}),
      Group({"b:2", "a:1", "[::1]:1"}, {{"a", "\0\n\"\\\x1F"s}, {"b", "\xF0\x9F\x92\xA9"}}),
      Group({"a:1"}, {{"a", "\\"}, {"b", "\""}, {"c", "\\\\\""}, {"d", "],\"labels\":{"}}),
      // As stored data may be, whatever targets look like.
      Group({"", "\"", "\\", "\\\"", "],\"labels\":{", "a,b"}, {{"A", "x"}, {"_z", "},{"}}),
  };
}

TEST(GroupTextTest, ItIsAListOfTheOneGroupAndHasViewsOfIt) {
  const GroupText text(Group({"b:2", "a:1"}, {{"job", "j"}, {"env", "e"}}));
  EXPECT_EQ(text.list(),
            "[{\"targets\":[\"b:2\",\"a:1\"],\"labels\":{\"env\":\"e\",\"job\":\"j\"}}]\n");
  EXPECT_EQ(text.json(), R"({"targets":["b:2","a:1"],"labels":{"env":"e","job":"j"}})");
  EXPECT_EQ(text.json().data(), text.list().data() + 1);
  EXPECT_EQ(text.labels_json(), R"({"env":"e","job":"j"})");
  EXPECT_EQ(text.targets(), 2);
}

TEST(GroupTextTest, NoByteIsHeldInReserve) {
  const GroupText made(Group({"a:1", "b:2"}, {{"a", "\"\n\x01"}, {"b", "b"}}));
  EXPECT_EQ(made.list().capacity(), made.list().size());
  const auto stored = GroupText::FromStored(R"({"targets":["a:1","b:2"],"labels":{"a":"b"}})");
  EXPECT_EQ(stored.value().list().capacity(), stored.value().list().size());
}

TEST(GroupTextTest, TheGroupComesBack) {
  for (const TargetGroup& group : ManyGroups()) {
    const GroupText text(group);
    EXPECT_EQ(text.json(), EncodeGroup(group));
    EXPECT_EQ(text.targets(), group.targets.size());
    EXPECT_EQ(text.Decode(), group) << text.json();
    const auto stored = GroupText::FromStored(text.json());
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(*stored, text);
    EXPECT_EQ(stored->labels_json(), text.labels_json());
    EXPECT_EQ(stored->targets(), text.targets());
  }
}

TEST(GroupTextTest, WhatIsStoredInAnotherFormGetsTheOneForm) {
  const GroupText text(Group({"a:1"}, {{"env", "e"}, {"job", "j"}}));
  for (const std::string_view json : {
           R"({"labels":{"env":"e","job":"j"},"targets":["a:1"]})",
           R"({"targets":["a:1"], "labels":{"env":"e","job":"j"}})",
           R"({"targets":["a:1"],"labels":{"job":"j","env":"e"}})",
           R"({"targets":["\u0061:1"],"labels":{"env":"\u0065","job":"j"}})",
           " {\"targets\":[\"a:1\"],\"labels\":{\"env\":\"e\",\"job\":\"j\"}}\n",
       }) {
    const auto stored = GroupText::FromStored(json);
    ASSERT_TRUE(stored) << json;
    EXPECT_EQ(*stored, text) << json;
  }
}

TEST(GroupTextTest, WhatIsNoGroupIsDamaged) {
  for (const std::string_view json : {
           ""sv,
           "{}"sv,
           R"({"targets":["a:1"],"labels":{})"sv,
           R"({"targets":["a:1"],"labels":{}}x)"sv,
           R"({"targets":["a:1",],"labels":{}})"sv,
           R"({"targets":["a:1"],"labels":{"a":""}})"sv,
           R"({"targets":["a:1"],"labels":{"a":"b","a":"c"}})"sv,
           R"({"targets":["a:1"],"labels":{"a-b":"c"}})"sv,
           R"({"targets":["a:1"],"labels":{"":"c"}})"sv,
           "{\"targets\":[\"a\n\"],\"labels\":{}}"sv,
           "{\"targets\":[\"\xFF\"],\"labels\":{}}"sv,
       }) {
    const auto stored = GroupText::FromStored(json);
    ASSERT_FALSE(stored) << json;
    EXPECT_EQ(stored.error().code, ErrorCode::kDamaged) << json;
    EXPECT_THAT(stored.error().message, HasSubstr("stored group"));
  }
}

// Beside the reader that takes any JSON: whatever is stored, both read the same.
TEST(GroupTextTest, WhateverIsStoredIsReadAsAnyJsonIs) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  constexpr std::string_view kBytes = "\"\\,:{}[]abu0 \n\x01\x7F\xC3\xA4";
  const std::vector<TargetGroup> groups = ManyGroups();
  for (int i = 0; i < 20'000; ++i) {
    std::string json = EncodeGroup(groups[random() % groups.size()]);
    for (auto changes = random() % 3; changes > 0; --changes) {
      const std::size_t at = random() % json.size();
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 3) {
        case 0:
          json[at] = byte;
          break;
        case 1:
          json.insert(at, 1, byte);
          break;
        default:
          json.erase(at, 1 + random() % 3);
      }
    }
    const auto group = DecodeStoredGroup(json);
    const auto text = GroupText::FromStored(json);
    ASSERT_EQ(text.has_value(), group.has_value()) << json;
    if (!text) continue;
    ASSERT_EQ(*text, GroupText(*group)) << json;
    ASSERT_EQ(text->targets(), group->targets.size()) << json;
    ASSERT_EQ(text->labels_json(), GroupText(*group).labels_json()) << json;
    ASSERT_EQ(text->Decode(), *group) << json;
  }
}

TEST(LabelReaderTest, ItGoesThroughAllLabelsByName) {
  for (const TargetGroup& group : ManyGroups()) {
    const GroupText text(group);
    LabelReader reader(text);
    Labels labels;
    while (reader.Next()) {
      EXPECT_TRUE(labels.empty() || labels.rbegin()->first < reader.name());
      labels.emplace(reader.name(), reader.value());
    }
    EXPECT_EQ(labels, group.labels);
    EXPECT_FALSE(reader.Next());
  }
}

TEST(LabelReaderTest, InWhateverOrderNamesAreAskedForTheirValuesAreFound) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const std::vector<std::string> names = {"A", "B", "a", "aa", "ab", "b", "c", "z"};
  for (int i = 0; i < 500; ++i) {
    Labels labels;
    for (const std::string& name : names) {
      if (random() % 2 == 0) labels.emplace(name, name + "\"\\" + std::to_string(random() % 3));
    }
    const GroupText text(Group({"a:1"}, labels));
    LabelReader reader(text);
    for (int asked = 0; asked < 20; ++asked) {
      const std::string& name = names[random() % names.size()];
      const auto label = labels.find(name);
      ASSERT_EQ(reader.Find(name), label == labels.end() ? std::string() : label->second)
          << name << " of " << text.labels_json();
    }
    ASSERT_EQ(reader.Find(""), "");
  }
}

constexpr ExtraLabel kExtra[] = {{"__meta_a", "1\""}, {"__meta_b", "2"}};

TEST(JsonWithLabelsTest, MoreLabelsStandInTheOrderOfNamesAndWin) {
  for (const Labels& labels :
       {Labels{}, Labels{{"A", "x"}, {"env", "e"}}, Labels{{"A", "x"}}, Labels{{"z", "\"\n"}},
        Labels{{"__meta_a", "mine"}, {"__meta_aa", "x"}}, Labels{{"__meta_b", "mine"}},
        Labels{{"__meta_a", "],\"labels\":{"}}}) {
    const TargetGroup group = Group({"a:1", "[::1]:2"}, labels);
    TargetGroup more = group;
    for (const auto& [name, value] : kExtra) more.labels.insert_or_assign(std::string(name), value);
    const GroupText text(group);
    const GroupJsonParts parts = JsonWithLabels(text, kExtra);
    EXPECT_EQ(std::string(parts.head) + parts.tail, EncodeGroup(more));
    const GroupJsonParts same = JsonWithLabels(text, {});
    EXPECT_EQ(std::string(same.head) + same.tail, text.json());
  }
}

TEST(JsonWithLabelsTest, TheTargetsAreNotCopied) {
  const GroupText text(Group({"a:1"}, {{"env", "e"}}));
  const GroupJsonParts parts = JsonWithLabels(text, {});
  EXPECT_EQ(parts.head.data(), text.json().data());
  EXPECT_EQ(parts.head, R"({"targets":["a:1"],"labels":)");
  EXPECT_EQ(parts.tail, R"({"env":"e"}})");
}

}  // namespace
}  // namespace target_eye
