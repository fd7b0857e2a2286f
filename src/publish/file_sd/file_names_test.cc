#include "publish/file_sd/file_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace target_eye {
namespace {

std::string NameOf(const std::string& application, const std::string& environment) {
  return FileNameOf(FileSdLayout::kGroup, GroupKeyView{application, environment});
}

TEST(FileNamesTest, TheFileLayoutHasOneName) {
  EXPECT_EQ(FileNameOf(FileSdLayout::kFile, GroupKeyView{"a", "b"}), "targets.json");
}

TEST(FileNamesTest, APlainKeyIsReadable) {
  EXPECT_EQ(NameOf("web", "prod-hou"), "web@prod-hou.json");
}

TEST(FileNamesTest, OddCharactersAreEncoded) {
  EXPECT_EQ(NameOf("a/b", "c d"), "a%2Fb@c%20d.json");
  EXPECT_EQ(NameOf("ü", "*?"), "%C3%BC@%2A%3F.json");
}

TEST(FileNamesTest, NoNameBeginsWithADot) {
  EXPECT_EQ(NameOf(".hidden", "."), "%2Ehidden@..json");
  EXPECT_EQ(NameOf("..", ".."), "%2E.@...json");
}

TEST(FileNamesTest, NoTwoKeysShareAName) {
  const std::vector<GroupKey> keys = {
      {"ab", "c"},  {"a", "bc"},    {"a/b", "c"},   {"a", "b/c"},    {"a@b", "c"},
      {"a", "b@c"}, {"a%40b", "c"}, {".a", "b"},    {"%2Ea", "b"},   {"A", "b"},
      {"a", "b"},   {"a b", "c"},   {"a%20b", "c"}, {"a", "b.json"}, {"targets", "json"},
      {"a", "b~c"}, {"a~b", "c"},
  };
  std::set<std::string> names;
  for (const GroupKey& key : keys) names.insert(FileNameOf(FileSdLayout::kGroup, key));
  EXPECT_EQ(names.size(), keys.size());
  EXPECT_FALSE(names.contains("targets.json"));
}

TEST(FileNamesTest, NamesGiveTheirKeysBack) {
  for (const GroupKey& key : {GroupKey{"a", "b"}, GroupKey{"a/b@c", ".d%e"}, GroupKey{".", "ü"}}) {
    const std::string name = FileNameOf(FileSdLayout::kGroup, key);
    EXPECT_EQ(KeyOfFileName(name), key) << name;
  }
}

TEST(FileNamesTest, OtherNamesGiveNoKey) {
  for (const char* name : {"targets.json", "a.json", "a@b", "@b.json", "a@.json", "a@b@c.json",
                           "-@b.json", "a@b%2.json", "a@%0A.json", ".a@b.json", "a@%62.json"}) {
    EXPECT_EQ(KeyOfFileName(name), std::nullopt) << name;
  }
}

TEST(FileNamesTest, ALongKeyIsCutAndTellsWhatIsCutApart) {
  const std::string one = NameOf(std::string(1024, 'a'), std::string(1024, 'b') + "1");
  const std::string two = NameOf(std::string(1024, 'a'), std::string(1024, 'b') + "2");
  EXPECT_NE(one, two);
  EXPECT_EQ(one.size(), 200U + 1 + 32 + 5);
  EXPECT_TRUE(IsCutFileName(one)) << one;
  EXPECT_EQ(KeyOfFileName(one), std::nullopt);
}

TEST(FileNamesTest, WhereThePartsOfALongKeyMeetCounts) {
  EXPECT_NE(NameOf(std::string(300, 'a'), std::string(301, 'a')),
            NameOf(std::string(301, 'a'), std::string(300, 'a')));
}

TEST(FileNamesTest, TheLongestNameThatIsNotCutCannotPassForACutOne) {
  const std::string name = NameOf("a", std::string(198, 'b'));
  EXPECT_EQ(name.size(), 200U + 5);
  EXPECT_FALSE(IsCutFileName(name));
  EXPECT_TRUE(IsCutFileName(NameOf("a", std::string(199, 'b'))));
  // A key chosen to look like the cut name of another is itself so long that it is cut.
  const std::string cut = NameOf("a", std::string(199, 'b'));
  const std::string mimic = cut.substr(2, cut.size() - 2 - 5);
  EXPECT_NE(NameOf("a", mimic), cut);
}

}  // namespace
}  // namespace target_eye
