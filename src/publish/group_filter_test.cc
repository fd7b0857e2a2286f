#include "publish/group_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "publish/file_sd/testing/published_files.h"
#include "publish/group_list.h"

namespace target_eye {
namespace {

using testing::ElementsAre;
using testing::Optional;

const GroupKey kA{"a", "x"};
const GroupKey kB{"b", "x"};

StoredGroupPtr With(const GroupKey& key, const Labels& labels) {
  return WithLabels(MakeStored(key, {"h:1"}), labels);
}

TEST(GroupFilterTest, WithoutASelectorEveryChangeIsOne) {
  GroupFilter filter((Selector()));
  const auto a = MakeStored(kA, {"h:1"});
  EXPECT_THAT(filter.Reset({a}), ElementsAre(a));
  EXPECT_EQ(filter.Apply({kA, 2, a}), a);
  EXPECT_THAT(filter.Apply({kB, 3, nullptr}), Optional(StoredGroupPtr()));
}

TEST(GroupFilterTest, AChangeOfAKeyThatIsNotSelectedIsNone) {
  GroupFilter filter(Selector::Parse("application=a").value());
  const auto a = MakeStored(kA, {"h:1"});
  const auto b = MakeStored(kB, {"h:2"});
  EXPECT_THAT(filter.Reset({a, b}), ElementsAre(a));
  EXPECT_EQ(filter.Apply({kB, 2, b}), std::nullopt);
  EXPECT_EQ(filter.Apply({kB, 3, nullptr}), std::nullopt);
  EXPECT_EQ(filter.Apply({kA, 4, a}), a);
  EXPECT_THAT(filter.Apply({kA, 5, nullptr}), Optional(StoredGroupPtr()));
}

TEST(GroupFilterTest, AGroupWhoseLabelsMatchNoMoreIsRemovedOnce) {
  GroupFilter filter(Selector::Parse("label.team=infra").value());
  const auto infra = With(kA, {{"team", "infra"}});
  const auto other = With(kA, {{"team", "web"}});
  EXPECT_THAT(filter.Reset({infra, MakeStored(kB, {"h:1"})}), ElementsAre(infra));
  EXPECT_THAT(filter.Apply({kA, 2, other}), Optional(StoredGroupPtr()));
  EXPECT_EQ(filter.Apply({kA, 3, other}), std::nullopt);
  EXPECT_EQ(filter.Apply({kA, 4, nullptr}), std::nullopt);
  EXPECT_EQ(filter.Apply({kA, 5, infra}), infra);
  EXPECT_THAT(filter.Apply({kA, 6, nullptr}), Optional(StoredGroupPtr()));
  EXPECT_EQ(filter.Apply({kB, 7, nullptr}), std::nullopt);
}

TEST(GroupFilterTest, ASnapshotReplacesWhatWasSelected) {
  GroupFilter filter(Selector::Parse("label.team=infra").value());
  filter.Reset({With(kA, {{"team", "infra"}})});
  filter.Reset({});
  EXPECT_EQ(filter.Apply({kA, 2, nullptr}), std::nullopt);
}

// Beside the naive way: select from everything, again after each change.
TEST(GroupFilterTest, WhatOneSeesIsWhatIsSelected) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const Selector selector = Selector::Parse("label.team=a,application!=g1").value();
  GroupFilter filter(selector);
  std::map<GroupKey, StoredGroupPtr> all;
  std::map<GroupKey, StoredGroupPtr> seen;
  for (Revision revision = 1; revision <= 2000; ++revision) {
    const GroupKey key{"g" + std::to_string(random() % 5), "x"};
    const auto kind = random() % 3;
    const StoredGroupPtr group = kind == 0 ? nullptr : With(key, {{"team", kind == 1 ? "a" : "b"}});
    if (group) {
      all[key] = group;
    } else {
      all.erase(key);
    }
    if (const auto change = filter.Apply({key, revision, group})) {
      if (*change) {
        seen[key] = *change;
      } else {
        ASSERT_EQ(seen.erase(key), 1U);
      }
    }
    std::map<GroupKey, StoredGroupPtr> expected = all;
    std::erase_if(expected, [&](const auto& item) { return !IsSelected(*item.second, selector); });
    ASSERT_EQ(seen, expected) << "revision " << revision;
  }
}

}  // namespace
}  // namespace target_eye
