#include "codec/body_format.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "codec/group_reader.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr auto kKeys = std::to_array<std::string_view>({"targets:", "labels:"});

bool BeginsWithKey(std::string_view text) {
  return std::ranges::any_of(kKeys, [&](std::string_view key) { return text.starts_with(key); });
}

bool IsWordChar(char c) { return IsAlpha(c) || c == '_'; }

bool IsYamlMark(std::string_view text) {
  constexpr std::string_view kDocument = "---";
  if (text.starts_with('#')) return true;
  if (!text.starts_with(kDocument)) return false;
  const std::string_view rest = text.substr(kDocument.size());
  return rest.empty() || rest != TrimSpaces(rest) || BeginsWithKey(rest);
}

// `key=value`, `targets[]=value`.
bool IsFormField(std::string_view text) {
  const std::string_view key = text.substr(0, text.find('='));
  if (key.size() == text.size() || key.empty() || !IsWordChar(key.front())) return false;
  return std::ranges::all_of(
      key, [](char c) { return IsWordChar(c) || IsDigit(c) || c == '[' || c == ']' || c == '%'; });
}

}  // namespace

BodyFormat GuessFormat(std::string_view body) {
  const std::string_view text = TrimSpaces(SkipByteOrderMark(body));
  if (text.starts_with('{') || text.starts_with('[')) {
    const std::string_view inside = TrimSpaces(text.substr(1));
    return !inside.empty() && IsWordChar(inside.front()) ? BodyFormat::kYaml : BodyFormat::kJson;
  }
  for (const std::string_view encoded : {"%7B", "%7b", "%5B", "%5b"}) {
    if (text.starts_with(encoded)) return BodyFormat::kJson;
  }
  if (IsYamlMark(text) || BeginsWithKey(text)) return BodyFormat::kYaml;
  if (text.starts_with('-') && BeginsWithKey(TrimSpaces(text.substr(1)))) return BodyFormat::kYaml;
  return IsFormField(text) ? BodyFormat::kForm : BodyFormat::kUnknown;
}

std::string_view FormatHint(BodyFormat format) {
  switch (format) {
    case BodyFormat::kJson:
      return "looks like JSON: send it with Content-Type: application/json, or curl --json";
    case BodyFormat::kYaml:
      return "looks like YAML: send it with Content-Type: application/yaml, and of a file with "
             "curl "
             "--data-binary @FILE, since -d takes the line ends out";
    case BodyFormat::kForm:
      return "looks like a form: send it with Content-Type: application/x-www-form-urlencoded";
    case BodyFormat::kUnknown:
      break;
  }
  return "";
}

bool LooksJoined(std::string_view yaml) {
  const std::string_view text = TrimSpaces(SkipByteOrderMark(yaml));
  if (text.find_first_of("\r\n") != std::string_view::npos || text.starts_with('{')) return false;
  const std::string_view items = text.starts_with('[') ? "" : text;
  for (const std::string_view key : kKeys) {
    for (std::size_t at = items.find(key); at != std::string_view::npos;
         at = items.find(key, at + 1)) {
      const std::string_view value = TrimSpaces(items.substr(at + key.size()));
      const bool is_flow = value.starts_with('[') || value.starts_with('{');
      // A line of its own can only be the first; what a block holds is on the lines after its key.
      if (at > 0 || (!is_flow && !value.empty())) return true;
    }
  }
  return false;
}

bool LooksLikeUtf16(std::string_view text) {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF");
}

}  // namespace target_eye
