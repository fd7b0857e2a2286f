#include "codec/sd_query.h"
#include "fuzz_check.h"
#include "model/glob.h"
#include "model/selector.h"

namespace target_eye {
namespace {

void RequireRoundTrip(const Selector& selector) {
  const auto again = Selector::Parse(selector.text());
  Require(again.has_value(), "a selector's text is a selector");
  Require(again->text() == selector.text(), "of the same text");
  Require(again->selects_all() == selector.selects_all(), "that selects as much");
}

// The first line is a selector, or a query, or a glob; the second is what it is tried on.
void Run(std::string_view text) {
  const std::size_t line = std::min(text.find('\n'), text.size());
  const std::string_view pattern = text.substr(0, line);
  const std::string subject(text.substr(std::min(line + 1, text.size())));

  if (const auto glob = Glob::Parse(pattern)) {
    const bool matches = glob->Matches(subject);
    Require(!glob->is_name() || matches == (subject == glob->name()),
            "a name matches itself and nothing else");
  } else {
    RequireGoodError(glob.error());
  }

  const GroupKeyView key{subject, "prod"};
  const auto label = [&subject](std::string_view name) -> std::string_view {
    if (name == "env") return "prod";
    return name == "job" ? std::string_view(subject) : std::string_view();
  };
  const auto selector = Selector::Parse(pattern);
  if (selector) {
    RequireRoundTrip(*selector);
    Require(Selector::Parse(selector->text())->Matches(key, label) == selector->Matches(key, label),
            "a selector written again matches the same");
  } else {
    RequireGoodError(selector.error());
  }
  const auto query = ParseSdQuery(pattern);
  if (!query) return RequireGoodError(query.error());
  query->selector.Matches(key, label);
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
