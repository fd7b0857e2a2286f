#include "codec/yaml_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace target_eye {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string ErrorOf(std::string_view text) {
  const auto tree = ReadYamlTree(text, "f.yml");
  return tree ? std::string() : tree.error().message;
}

TEST(YamlTreeTest, EachPartKnowsItsLine) {
  const auto tree = ReadYamlTree("a: 1\nb:\n  - x\n  - {c: }\n", "f.yml");
  ASSERT_TRUE(tree) << tree.error().message;
  ASSERT_THAT(tree->map, SizeIs(2));
  EXPECT_EQ(tree->map[0].key, "a");
  EXPECT_EQ(tree->map[0].value.scalar, "1");
  EXPECT_EQ(tree->map[1].line, 2);
  const YamlNode& list = tree->map[1].value;
  ASSERT_THAT(list.list, SizeIs(2));
  EXPECT_EQ(list.list[0].line, 3);
  ASSERT_THAT(list.list[1].map, SizeIs(1));
  EXPECT_EQ(list.list[1].map[0].line, 4);
  EXPECT_EQ(list.list[1].map[0].value.kind, YamlNode::Kind::kNull);
}

TEST(YamlTreeTest, NothingIsNull) {
  for (const char* text : {"", "# nothing\n", "---\n", "~"}) {
    const auto tree = ReadYamlTree(text, "f.yml");
    ASSERT_TRUE(tree) << text;
    EXPECT_EQ(tree->kind, YamlNode::Kind::kNull) << text;
  }
}

TEST(YamlTreeTest, KeyTwiceIsRefusedWithBothLines) {
  EXPECT_EQ(ErrorOf("a: 1\nb: 2\n\na: 3\n"), "f.yml:4: key \"a\": is here twice, first in line 1");
  EXPECT_EQ(ErrorOf("- x:\n    a: 1\n    a: 2\n"),
            "f.yml:3: key \"a\": is here twice, first in line 2");
  EXPECT_EQ(ErrorOf("- a: 1\n- a: 1\n"), "");
}

TEST(YamlTreeTest, KeyThatIsNoTextIsRefused) {
  EXPECT_EQ(ErrorOf("? [a]\n: b\n"), "f.yml:1: expected a key, found a list or a map");
  EXPECT_EQ(ErrorOf("x: 1\n~: b\n"), "f.yml:2: expected a key, found nothing");
}

TEST(YamlTreeTest, ErrorsBeginWithFileAndLine) {
  EXPECT_THAT(ErrorOf("a: b\nc: [d\n"), StartsWith("f.yml:3: not valid YAML"));
  EXPECT_THAT(ErrorOf("a: &x b\n"), StartsWith("f.yml:1: anchor \"x\": anchors are not allowed"));
  EXPECT_THAT(ErrorOf("a: b\nc: !!str d\n"), StartsWith("f.yml:2: tag "));
  EXPECT_THAT(ErrorOf("a: b\n---\nc: d\n"), HasSubstr("expected one YAML document, found two"));
  EXPECT_THAT(ErrorOf("a: \xFF\n"), StartsWith("f.yml: must be valid UTF-8"));
}

TEST(YamlTreeTest, WhatIsDeepOrLargeIsRefused) {
  EXPECT_THAT(ErrorOf(std::string(33, '[') + std::string(33, ']')), HasSubstr("nested deeper"));
  EXPECT_EQ(ErrorOf(std::string(32, '[') + std::string(32, ']')), "");
  std::string many;
  for (int i = 0; i < 200'001; ++i) many += "- a\n";
  EXPECT_THAT(ErrorOf(many), HasSubstr("has more than 200000 values"));
}

}  // namespace
}  // namespace target_eye
