#include "codec/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "codec/body_format.h"
#include "codec/form.h"
#include "codec/group_reader.h"
#include "codec/json.h"
#include "codec/yaml.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using Decoder = Expected<GroupData> (*)(std::string_view body, const GroupLimits& limits);

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

// What is known of a body whose type is none of ours, for the end of a message.
std::string HintFor(std::string_view type, std::string_view body) {
  if (EqualsIgnoringCase(type, "multipart/form-data")) {
    return "; curl -F sends that, and -d a form that is taken";
  }
  const std::string_view hint = FormatHint(GuessFormat(body));
  return hint.empty() ? "" : fmt::format("; the body {}", hint);
}

// Why `decode` refused `body`, with what it is instead, where that can be seen.
Error Explained(Error error, Decoder decode, std::string_view body) {
  const BodyFormat format = GuessFormat(body);
  if (decode == DecodeYaml && LooksJoined(body)) {
    error.message +=
        "; its lines seem to be joined: send a file with curl --data-binary @FILE, since -d takes "
        "the line ends out";
  } else if ((decode != DecodeForm && format == BodyFormat::kForm) ||
             (decode == DecodeJson && format == BodyFormat::kYaml)) {
    error.message += fmt::format("; it {}", FormatHint(format));
  }
  return error;
}

}  // namespace

Expected<std::optional<GroupData>> DecodeBody(std::string_view content_type, std::string_view body,
                                              const GroupLimits& limits) {
  if (body.empty()) return std::nullopt;
  const std::string_view type = TrimSpaces(content_type.substr(0, content_type.find(';')));
  if (type.empty()) {
    return Invalid(
        fmt::format("Content-Type is missing: {}{}", kExpectedTypes, HintFor(type, body)));
  }
  const auto known = std::ranges::find_if(
      kContentTypes, [&](const ContentType& t) { return EqualsIgnoringCase(t.name, type); });
  if (known == kContentTypes.end()) {
    return Invalid(
        fmt::format("Content-Type {}: {}{}", Quote(type), kExpectedTypes, HintFor(type, body)));
  }
  if (LooksLikeUtf16(body)) return Invalid("body: is UTF-16; expected UTF-8");
  auto data = known->decode(body, limits);
  if (!data) return std::unexpected(Explained(std::move(data.error()), known->decode, body));
  return data;
}

}  // namespace target_eye
