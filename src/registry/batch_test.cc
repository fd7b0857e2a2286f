#include "registry/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

class BatchTest : public testing::Test {
 protected:
  static ChangeRequest Request(Method method, const std::string& application,
                               const std::string& target = "") {
    ChangeRequest request{method, {application, "e"}, std::nullopt};
    if (!target.empty()) request.data = GroupData{{{*Target::Parse(target)}}, std::nullopt};
    return request;
  }

  static StoredGroupPtr Stored(const std::string& application, Revision revision,
                               const std::string& target) {
    const TargetGroup group{{*Target::Parse(target)}, {{"env", "e"}, {"job", application}}};
    return MakeStoredGroup({application, "e"}, GroupText(group), revision, {});
  }

  static std::size_t BytesOfOne(const ChangeRequest& request) {
    const GroupText group(**Apply(nullptr, request));
    return BytesOf(request.key, &group, {});
  }

  bool Add(Batch& batch, const ChangeRequest& request) const {
    return batch.Add({&request, &origin_});
  }

  const Origin origin_;
  GroupMap map_;
  Batch::Overlay overlay_;
  LastDecoded decoded_;
};

TEST_F(BatchTest, TheBytesOfAllStatesCountThoughOnlyTheLastIsWritten) {
  const auto first = Request(Method::kPut, "a", "h:1");
  const auto second = Request(Method::kPut, "a", "h:2");
  const auto third = Request(Method::kPut, "a", "h:3");
  Batch batch(map_, overlay_, decoded_, {.bytes = 2 * BytesOfOne(first)});
  EXPECT_TRUE(Add(batch, first));
  EXPECT_TRUE(Add(batch, second));
  EXPECT_FALSE(Add(batch, third));
  const auto writes = batch.TakeWrites();
  ASSERT_EQ(writes.size(), 1);
  EXPECT_EQ(writes[0].group->Decode().targets.at(0).text(), "h:2")
      << "nothing of the third was taken";
}

TEST_F(BatchTest, TheFirstRequestIsTakenHoweverLargeAndNothingElseThen) {
  const auto first = Request(Method::kPut, "a", "h:1");
  const auto second = Request(Method::kPut, "b", "h:2");
  Batch batch(map_, overlay_, decoded_, {.bytes = 1});
  EXPECT_TRUE(Add(batch, first));
  EXPECT_FALSE(Add(batch, second));
  EXPECT_EQ(batch.TakeWrites().size(), 1);
}

TEST_F(BatchTest, WhatChangesNothingAndWhatIsRefusedTakesNoRoom) {
  map_.Put(Stored("a", 7, "h:1"));
  const auto same = Request(Method::kPut, "a", "h:1");
  const auto refused = Request(Method::kPost, "a", "h:1");
  const auto other = Request(Method::kPut, "b", "h:1");
  Batch batch(map_, overlay_, decoded_, {.writes = 1, .bytes = BytesOfOne(other)});
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Add(batch, same));
    EXPECT_TRUE(Add(batch, refused));
  }
  EXPECT_TRUE(Add(batch, other));
  EXPECT_EQ(batch.TakeWrites().size(), 1);
}

TEST_F(BatchTest, EachRequestIsJudgedOnItsOwnGroupInWhateverOrderTheyCome) {
  map_.Put(Stored("a", 1, "h:1"));
  map_.Put(Stored("b", 1, "h:2"));
  const auto there_a = Request(Method::kPost, "a", "h:1");
  const auto there_b = Request(Method::kPost, "b", "h:2");
  const auto new_a = Request(Method::kPost, "a", "h:2");
  Batch batch(map_, overlay_, decoded_, {});
  for (const auto* request : {&there_a, &there_a, &there_b, &there_a, &new_a, &there_b, &new_a}) {
    Add(batch, *request);
  }
  const auto writes = batch.TakeWrites();
  ASSERT_EQ(writes.size(), 1);
  EXPECT_EQ(writes[0].group->Decode().targets,
            (std::vector{*Target::Parse("h:1"), *Target::Parse("h:2")}));
  batch.Settle({{.error = std::nullopt, .group = Stored("a", 2, "h:1")}});
  for (const std::size_t refused : {0, 1, 2, 3, 5, 6}) {
    EXPECT_EQ(batch.Answer(refused).error().code, ErrorCode::kInvalid) << refused;
  }
  EXPECT_EQ((*batch.Answer(4))->revision, 2);
}

TEST_F(BatchTest, AGroupThatWasChangedMayBeChangedAgainThoughNoOtherCanBe) {
  const auto a1 = Request(Method::kPut, "a", "h:1");
  const auto b = Request(Method::kPut, "b", "h:1");
  const auto a2 = Request(Method::kPut, "a", "h:2");
  Batch batch(map_, overlay_, decoded_, {.writes = 1});
  EXPECT_TRUE(Add(batch, a1));
  EXPECT_FALSE(Add(batch, b));
  EXPECT_TRUE(Add(batch, a2));
}

TEST_F(BatchTest, WhatOvertookAGroupCountsMoreThanTheMap) {
  map_.Put(Stored("a", 1, "h:1"));
  map_.Put(Stored("b", 1, "h:1"));
  overlay_[{"a", "e"}] = Stored("a", 2, "h:2");
  overlay_[{"b", "e"}] = nullptr;
  const auto add = Request(Method::kPost, "a", "h:3");
  const auto remove = Request(Method::kDelete, "b");
  Batch batch(map_, overlay_, decoded_, {});
  Add(batch, add);
  Add(batch, remove);
  const auto writes = batch.TakeWrites();
  ASSERT_EQ(writes.size(), 1);
  EXPECT_EQ(writes[0].before->revision, 2);
  EXPECT_EQ(writes[0].group->targets(), 2);
  batch.Settle({{.error = std::nullopt, .group = Stored("a", 3, "h:3")}});
  EXPECT_EQ((*batch.Answer(0))->revision, 3);
  EXPECT_EQ(batch.Answer(1).error().code, ErrorCode::kInvalid) << "it is gone already";
}

TEST_F(BatchTest, WhatBecameOfAGroupsWriteIsTheAnswerToEachOfItsRequestsAndToNoOther) {
  map_.Put(Stored("c", 1, "h:1"));
  const auto a1 = Request(Method::kPut, "a", "h:1");
  const auto a2 = Request(Method::kPost, "a", "h:1");  // Refused, by what came to nothing.
  const auto b = Request(Method::kPut, "b", "h:1");
  const auto c = Request(Method::kPut, "c", "h:1");
  Batch batch(map_, overlay_, decoded_, {});
  for (const auto* request : {&a1, &a2, &b, &c}) Add(batch, *request);
  const auto writes = batch.TakeWrites();
  ASSERT_EQ(writes.size(), 2);
  std::vector<Store::Written> written(2);
  for (std::size_t i = 0; i < 2; ++i) {
    if (writes[i].key.application == "a") {
      written[i] = {.error = Error{ErrorCode::kConflict, ""}, .group = Stored("a", 9, "h:9")};
    } else {
      written[i].group = Stored("b", 10, "h:1");
    }
  }
  batch.Settle(std::move(written));
  for (const std::size_t of_a : {0, 1}) {
    ASSERT_NE(batch.Overtaken(of_a), nullptr);
    EXPECT_EQ(batch.Overtaken(of_a)->group->revision, 9);
    EXPECT_EQ(batch.Answer(of_a).error().code, ErrorCode::kConflict);
  }
  for (const std::size_t other : {2, 3}) EXPECT_EQ(batch.Overtaken(other), nullptr);
  EXPECT_EQ((*batch.Answer(2))->revision, 10);
  EXPECT_EQ((*batch.Answer(3))->revision, 1);
}

}  // namespace
}  // namespace target_eye
