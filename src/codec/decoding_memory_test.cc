#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>

#include "codec/body.h"
#include "codec/group_json.h"
#include "codec/sd_query.h"

namespace target_eye {
namespace {

std::atomic<std::size_t> bytes_now{0};
std::atomic<std::size_t> bytes_at_most{0};

// Null if there is no memory.
void* Allocate(std::size_t bytes) {
  void* const memory = std::malloc(bytes);
  if (memory == nullptr) return nullptr;
  const std::size_t now = bytes_now += malloc_usable_size(memory);
  std::size_t most = bytes_at_most;
  while (most < now && !bytes_at_most.compare_exchange_weak(most, now)) {
  }
  return memory;
}

void Free(void* memory) {
  if (memory == nullptr) return;
  bytes_now -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace
}  // namespace target_eye

// Of this whole test program.
void* operator new(std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  return target_eye::Allocate(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t& /*tag*/) noexcept {
  return target_eye::Allocate(bytes);
}
void* operator new(std::size_t bytes) {
  if (void* const memory = target_eye::Allocate(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
// NOLINTBEGIN(clang-analyzer-cplusplus.NewDelete): this is what frees.
void operator delete(void* memory) noexcept { target_eye::Free(memory); }
void operator delete[](void* memory) noexcept { target_eye::Free(memory); }
void operator delete(void* memory, const std::nothrow_t& /*tag*/) noexcept {
  target_eye::Free(memory);
}
void operator delete[](void* memory, const std::nothrow_t& /*tag*/) noexcept {
  target_eye::Free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { target_eye::Free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { target_eye::Free(memory); }
// NOLINTEND(clang-analyzer-cplusplus.NewDelete)

namespace target_eye {
namespace {

using testing::HasSubstr;

// The most that was allocated at once while `work` ran, besides what there was before.
template <typename Work>
std::size_t PeakOf(const Work& work) {
  const std::size_t before = bytes_now;
  bytes_at_most = before;
  work();
  return bytes_at_most - before;
}

constexpr std::size_t kMebibyte = 1 << 20;

// `begin`, and `unit` again and again; the number of the unit takes the place of `#`.
std::string Filled(std::string_view begin, std::string_view unit) {
  std::string text(begin);
  const std::size_t mark = unit.find('#');
  for (std::size_t i = 0; text.size() < kMebibyte; ++i) {
    text += unit.substr(0, mark);
    if (mark != std::string_view::npos) {
      text += std::to_string(i);
      text += unit.substr(mark + 1);
    }
  }
  return text;
}

struct Row {
  std::string_view type;
  std::string_view begin;
  std::string_view unit;
  std::string_view message;
};

constexpr std::string_view kForm = "application/x-www-form-urlencoded";
constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";
constexpr std::string_view kTargets =
    "targets: the group would have more than 100; expected at most";
constexpr std::string_view kLabels =
    "labels: the group would have more than 10; expected at most 10";

TEST(DecodingMemoryTest, WhatIsTooMuchIsRefusedBeforeItIsInMemory) {
  for (const Row& row : {
           Row{kForm, "targets=a", ",a", kTargets},
           Row{kForm, "targets=a", "&targets=a", kTargets},
           Row{kForm, "targets=a", "&targets[]=a,a", kTargets},
           Row{kForm, "targets=a", "&a#=a", kLabels},
           Row{kJson, R"({"targets":["a")", R"(,"a")", kTargets},
           Row{kJson, R"({"targets":["a)", ",a", kTargets},
           Row{kJson, R"({"labels":{"a":"a")", R"(,"a#":"a")", kLabels},
           Row{kYaml, "targets:\n", "- a\n", kTargets},
           Row{kYaml, "targets: a", ",a", "YAML may have at most 131072"},
           Row{kYaml, "targets: [a", ",a", "YAML may have at most 131072"},
           Row{kYaml, "targets: [[", "[", "YAML may have at most 131072"},
           Row{kYaml, "labels:\n", " a#: a\n", kLabels},
           Row{kYaml, "targets: &a [*a", " &a [", "YAML may have at most 131072"},
       }) {
    SCOPED_TRACE(std::string(row.type) + " " + std::string(row.begin) + std::string(row.unit));
    std::string body = Filled(row.begin, row.unit);
    if (row.begin.ends_with("\"a")) body += "\"]}";
    std::string message;
    const std::size_t peak = PeakOf([&] {
      const auto data = DecodeBody(row.type, body, {.targets = 100, .labels = 10});
      ASSERT_FALSE(data);
      message = data.error().message;
    });
    EXPECT_THAT(message, HasSubstr(row.message));
    EXPECT_LE(peak, 2 * body.size() + (64 << 10));
  }
}

TEST(DecodingMemoryTest, WhatIsTakenIsAsLargeAsTheHeaderSays) {
  constexpr GroupLimits kLimits = {.targets = 50'000, .labels = 256};
  std::string targets = "a";
  for (std::size_t i = 1; i < kLimits.targets; ++i) targets += ",a";
  std::string labels;
  for (std::size_t i = 0; i < kLimits.labels; ++i) {
    labels.append("&a").append(std::to_string(i)).append("=a");
  }
  std::string json = R"({"targets":["a")";
  for (std::size_t i = 1; i < kLimits.targets; ++i) json += R"(,"a")";
  for (const auto& [type, body] :
       {std::pair(kForm, "targets=" + targets + labels), std::pair(kJson, json + "]}"),
        std::pair(kJson, R"({"targets":[")" + targets + "\"]}")}) {
    std::size_t kept = 0;
    const std::size_t peak = PeakOf([&] {
      const std::size_t before = bytes_now;
      const auto data = DecodeBody(type, body, kLimits);
      ASSERT_TRUE(data) << data.error().message;
      EXPECT_EQ((*data)->targets->size(), kLimits.targets);
      kept = bytes_now - before;
    });
    const std::size_t most = 32 * kLimits.targets + 160 * kLimits.labels + body.size();
    EXPECT_LE(kept, most);
    // A vector that grows is there twice for a moment.
    EXPECT_LE(peak, 3 * most);
  }
}

TEST(DecodingMemoryTest, YamlTakesWhatItsMarksAreAllowedToTake) {
  std::string body = "targets: [a";
  for (int i = 1; i < 131'072; ++i) body += ",a";
  const std::size_t peak =
      PeakOf([&] { ASSERT_TRUE(DecodeBody(kYaml, body + "]", {.targets = 131'072})); });
  EXPECT_LE(peak, std::size_t{64} << 20);
}

TEST(DecodingMemoryTest, AFileToImportIsNotManyTimesItsSize) {
  bool decoded = false;
  for (const std::string_view unit :
       {R"({},)", R"({"labels":{}},)", R"({"targets":[]},)", R"({"targets":["a","b","c","d"]},)"}) {
    SCOPED_TRACE(unit);
    std::string file = Filled("[", unit);
    file.back() = ']';
    EXPECT_LE(PeakOf([&] { decoded = DecodeFileSd(file).has_value(); }), 48 * file.size());
  }
  std::string file = Filled(R"([{"targets":["a")", R"(,"a#")");
  file += "]}]";
  EXPECT_LE(PeakOf([&] { decoded = DecodeFileSd(file).has_value(); }), 48 * file.size());
  file = Filled("[", "{},");
  EXPECT_LE(PeakOf([&] { decoded = DecodeFileSd(file).has_value(); }), 64U << 10);
  EXPECT_FALSE(decoded);
}

TEST(DecodingMemoryTest, AQueryEndsAtOneTermTooMany) {
  const std::string query = Filled("", "label.a=b&");
  std::string message;
  EXPECT_LE(PeakOf([&] { message = ParseSdQuery(query).error().message; }), 64U << 10);
  EXPECT_THAT(message, HasSubstr("too many terms, at most 64"));
  std::string text = Filled("", "label.a=b,").substr(0, Selector::kMaxBytes);
  EXPECT_LE(PeakOf([&] { message = Selector::Parse(text).error().message; }), 64U << 10);
  EXPECT_THAT(message, HasSubstr("too many terms, at most 64"));
}

}  // namespace
}  // namespace target_eye
