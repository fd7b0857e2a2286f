#include "publish/http_sd/sd_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>

#include "publish/file_sd/testing/published_files.h"
#include "publish/http_sd/list_cache.h"

namespace target_eye {
namespace {

StoredGroupPtr With(const GroupKey& key, const Labels& labels) {
  return WithLabels(MakeStored(key, {"h:1", "h:2"}), labels);
}

std::string Gunzip(std::string zipped, std::size_t bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string text(bytes + 1, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(zipped.data());
  stream.avail_in = static_cast<uInt>(zipped.size());
  stream.next_out = reinterpret_cast<unsigned char*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0U);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

TEST(SdListTest, GroupsAreInKeyOrderOneALine) {
  EXPECT_EQ(RenderSdList({}, {}, false), "[]\n");
  const GroupList groups = {MakeStored({"b", "x"}, {"h:2"}), MakeStored({"a", "x"}, {"h:1"})};
  EXPECT_EQ(RenderSdList(groups, {}, false),
            "[\n{\"targets\":[\"h:1\"],\"labels\":{\"env\":\"x\",\"job\":\"a\"}},\n"
            "{\"targets\":[\"h:2\"],\"labels\":{\"env\":\"x\",\"job\":\"b\"}}\n]\n");
  EXPECT_EQ(RenderSdList(groups, Selector::Parse("application=b").value(), false),
            "[\n{\"targets\":[\"h:2\"],\"labels\":{\"env\":\"x\",\"job\":\"b\"}}\n]\n");
  EXPECT_EQ(RenderSdList(groups, Selector::Parse("application=c").value(), true), "[]\n");
}

TEST(SdListTest, MetaLabelsSayWhatTheRegistryKnows) {
  const GroupList groups = {With(
      {"a/b", "\"x"}, {{"Z", "1"}, {"__meta_target_eye_application", "forged"}, {"zone", "z"}})};
  EXPECT_EQ(RenderSdList(groups, {}, true),
            "[\n{\"targets\":[\"h:1\",\"h:2\"],\"labels\":{\"Z\":\"1\","
            "\"__meta_target_eye_application\":\"a/b\","
            "\"__meta_target_eye_environment\":\"\\\"x\","
            "\"env\":\"\\\"x\",\"job\":\"a/b\",\"zone\":\"z\"}}\n]\n");
}

TEST(SdListTest, TheEtagIsOfTheBytes) {
  EXPECT_EQ(MakeSdList("[]\n").etag, MakeSdList("[]\n").etag);
  EXPECT_NE(MakeSdList("[]\n").etag, MakeSdList("[] ").etag);
  EXPECT_EQ(*MakeSdList("[]\n").bytes, "[]\n");
}

TEST(SdListTest, GzipGivesTheTextBack) {
  std::mt19937 random(1);
  std::string noise(300'000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  for (const std::string& text :
       {std::string(), std::string("[]\n"), std::string(1 << 20, 'a'), noise}) {
    const std::string zipped = Gzip(text);
    EXPECT_EQ(Gunzip(zipped, text.size()), text);
    EXPECT_EQ(Gzip(text), zipped);
  }
  EXPECT_LT(Gzip(std::string(1 << 20, 'a')).size(), 1U << 12);
}

ListCache::Entry Entry(const std::string& key, std::size_t bytes, std::size_t gzip_bytes = 0) {
  ListCache::Entry entry{.key = key, .version = 1, .plain = {}, .gzip = {}};
  entry.plain.bytes = std::make_shared<const std::string>(bytes, 'a');
  if (gzip_bytes > 0) entry.gzip.bytes = std::make_shared<const std::string>(gzip_bytes, 'z');
  return entry;
}

TEST(ListCacheTest, TheLeastRecentlyUsedGoesFirst) {
  ListCache cache(2, 1000);
  EXPECT_TRUE(cache.Put(Entry("a", 1)).empty());
  EXPECT_TRUE(cache.Put(Entry("b", 1)).empty());
  ASSERT_NE(cache.Find("a"), nullptr);
  const auto dropped = cache.Put(Entry("c", 1));
  ASSERT_EQ(dropped.size(), 1U);
  EXPECT_EQ(dropped[0].key, "b");
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("c"), nullptr);
}

TEST(ListCacheTest, BytesAreBoundedOverBothForms) {
  ListCache cache(16, 1000);
  cache.Put(Entry("a", 300, 200));
  cache.Put(Entry("b", 300, 200));
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("b"), nullptr);
  cache.Put(Entry("b", 300, 201));
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_NE(cache.Find("b"), nullptr);
}

TEST(ListCacheTest, TheOneUsedLastStaysWhateverItsSize) {
  ListCache cache(16, 1000);
  cache.Put(Entry("small", 10));
  EXPECT_EQ(cache.Put(Entry("large", 5000)).size(), 1U);
  EXPECT_NE(cache.Find("large"), nullptr);
}

TEST(ListCacheTest, APutReplacesTheOneOfTheSameKey) {
  ListCache cache(16, 1000);
  cache.Put(Entry("a", 10));
  EXPECT_EQ(cache.Put(Entry("a", 20)).size(), 1U);
  EXPECT_EQ(cache.Find("a")->plain.bytes->size(), 20U);
}

}  // namespace
}  // namespace target_eye
