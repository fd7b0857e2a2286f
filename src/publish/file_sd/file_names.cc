#include "publish/file_sd/file_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "codec/percent.h"
#include "util/sha256.h"

namespace target_eye {
namespace {

constexpr std::string_view kExtension = ".json";
constexpr std::size_t kMaxStemBytes = 200;
constexpr std::size_t kDigestBytes = 16;
constexpr std::size_t kCutStemBytes = kMaxStemBytes + 1 + 2 * kDigestBytes;

// The first half of the SHA-256 of application, NUL, environment, in hex; NUL is in no key.
std::string KeyDigest(const GroupKeyView& key) {
  std::string text(key.application);
  text.push_back('\0');
  text.append(key.environment);
  const Sha256Digest digest = Sha256(text);
  std::string hex;
  for (std::size_t i = 0; i < kDigestBytes; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string GroupStem(const GroupKeyView& key) {
  std::string stem = PercentEncode(key.application);
  if (stem.starts_with('.')) stem.replace(0, 1, "%2E");
  stem += '@';
  stem += PercentEncode(key.environment);
  return stem;
}

std::optional<std::string_view> StemOf(std::string_view name) {
  if (!name.ends_with(kExtension)) return std::nullopt;
  return name.substr(0, name.size() - kExtension.size());
}

}  // namespace

std::string FileNameOf(FileSdLayout layout, const GroupKeyView& key) {
  if (layout == FileSdLayout::kFile) return std::string(kSingleFileName);
  std::string stem = GroupStem(key);
  if (stem.size() > kMaxStemBytes) {
    stem.resize(kMaxStemBytes);
    stem += '~';
    stem += KeyDigest(key);
  }
  stem += kExtension;
  return stem;
}

std::optional<GroupKey> KeyOfFileName(std::string_view name) {
  const auto stem = StemOf(name);
  if (!stem) return std::nullopt;
  const std::size_t at = stem->find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto application = PercentDecode(stem->substr(0, at));
  const auto environment = PercentDecode(stem->substr(at + 1));
  if (!application || !environment) return std::nullopt;
  auto key = GroupKey::Make(*application, *environment);
  // Only the one spelling that FileNameOf returns, so that two files never claim one key.
  if (!key || FileNameOf(FileSdLayout::kGroup, *key) != name) return std::nullopt;
  return *std::move(key);
}

bool IsCutFileName(std::string_view name) {
  const auto stem = StemOf(name);
  if (!stem || stem->size() != kCutStemBytes || (*stem)[kMaxStemBytes] != '~') return false;
  const std::string_view digits = stem->substr(kMaxStemBytes + 1);
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace target_eye
