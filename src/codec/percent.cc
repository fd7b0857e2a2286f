#include "codec/percent.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "model/utf8.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

bool IsUnreserved(char c) {
  return IsAlpha(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

}  // namespace

Expected<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return Invalid(fmt::format("percent escape {}: expected two hex digits after the %",
                                 Quote(text.substr(i, 3))));
    }
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

Expected<std::string> FormDecode(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  auto decoded = PercentDecode(spaced);
  if (decoded && !IsValidUtf8(*decoded)) {
    return Invalid(fmt::format("{}: must be valid UTF-8", Quote(*decoded)));
  }
  return decoded;
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return encoded;
}

namespace {

// How a path that is none of a group differs from one.
std::string_view WrongWith(std::string_view path) {
  const auto slashes = std::ranges::count(path, '/');
  const bool has_empty = path.contains("//") || path.size() < 2;
  constexpr int kSlashesOfAGroup = 2;
  if (slashes == kSlashesOfAGroup + 1 && path.ends_with('/') && !has_empty) {
    return ", without the slash at the end";
  }
  if (slashes == kSlashesOfAGroup && path.ends_with('/') && !has_empty) {
    return "; the environment is missing";
  }
  if (has_empty && slashes > 1) return ", and neither of them empty";
  if (slashes > kSlashesOfAGroup) return "; a slash inside a name is written %2F";
  return "";
}

}  // namespace

Expected<GroupKey> ParseGroupPath(std::string_view path) {
  const auto not_found = [&] {
    return MakeError(ErrorCode::kNotFound,
                     fmt::format("path {}: expected /<application>/<environment>{}", Quote(path),
                                 WrongWith(path)));
  };
  if (!path.starts_with('/')) return not_found();
  const std::string_view parts = path.substr(1);
  const std::size_t slash = parts.find('/');
  if (slash == std::string_view::npos) return not_found();
  const std::string_view first = parts.substr(0, slash);
  const std::string_view second = parts.substr(slash + 1);
  if (first.empty() || second.empty() || second.find('/') != std::string_view::npos) {
    return not_found();
  }

  auto application = PercentDecode(first);
  if (!application) return std::unexpected(std::move(application.error()));
  auto environment = PercentDecode(second);
  if (!environment) return std::unexpected(std::move(environment.error()));
  return GroupKey::Make(*application, *environment);
}

std::string GroupPath(const GroupKey& key) {
  std::string path = "/";
  path += PercentEncode(key.application);
  path += '/';
  path += PercentEncode(key.environment);
  return path;
}

}  // namespace target_eye
