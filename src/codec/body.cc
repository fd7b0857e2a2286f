#include "codec/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "codec/group_reader.h"

namespace target_eye {
namespace {

using Decoder = Expected<GroupData> (*)(std::string_view body);

struct ContentType {
  std::string_view name;
  Decoder decode;
};

constexpr auto kContentTypes = std::to_array<ContentType>({
    {"application/json", DecodeJson},
    {"application/x-www-form-urlencoded", DecodeForm},
    {"application/yaml", DecodeYaml},
    {"application/x-yaml", DecodeYaml},
    {"application/vnd.yaml", DecodeYaml},
    {"text/yaml", DecodeYaml},
    {"text/x-yaml", DecodeYaml},
    {"text/vnd.yaml", DecodeYaml},
});

constexpr std::string_view kExpectedTypes =
    "expected application/json, application/x-www-form-urlencoded, or application/yaml, "
    "application/x-yaml, application/vnd.yaml, text/yaml, text/x-yaml or text/vnd.yaml";

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualWithoutCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

}  // namespace

Expected<std::optional<GroupData>> DecodeBody(std::string_view content_type,
                                              std::string_view body) {
  if (body.empty()) return std::nullopt;
  const std::string_view type = TrimSpaces(content_type.substr(0, content_type.find(';')));
  if (type.empty()) return Invalid(fmt::format("Content-Type is missing: {}", kExpectedTypes));
  const auto known = std::ranges::find_if(
      kContentTypes, [&](const ContentType& t) { return EqualWithoutCase(t.name, type); });
  if (known == kContentTypes.end()) {
    return Invalid(fmt::format("Content-Type {}: {}", Quote(type), kExpectedTypes));
  }
  return known->decode(body);
}

}  // namespace target_eye
