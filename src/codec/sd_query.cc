#include "codec/sd_query.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "codec/percent.h"

namespace target_eye {
namespace {

Expected<void> TakeMeta(std::string_view value, SdQuery& query) {
  if (query.meta_labels) return Invalid("query parameter \"meta\": is given twice");
  if (value != "true" && value != "false") {
    return Invalid(
        fmt::format("query parameter \"meta\": expected true or false, found {}", Quote(value)));
  }
  query.meta_labels = value == "true";
  return {};
}

bool IsSelectorKey(std::string_view key) {
  return key == "application" || key == "environment" || key.starts_with("label.");
}

Expected<void> TakeParameter(std::string_view parameter, SdQuery& query,
                             std::vector<Selector::Term>& terms) {
  const std::size_t equals = parameter.find('=');
  auto name = FormDecode(parameter.substr(0, equals));
  if (!name) return Invalid("query: " + name.error().message);
  const bool negative = equals != std::string_view::npos && name->ends_with('!');
  if (negative) name->pop_back();
  if (!IsSelectorKey(*name) && (negative || *name != "meta")) {
    return Invalid(fmt::format(
        "query parameter {}: expected application, environment, label.NAME or meta", Quote(*name)));
  }
  if (equals == std::string_view::npos) {
    return Invalid(fmt::format("query parameter {}: expected a value after =", Quote(*name)));
  }
  auto value = FormDecode(parameter.substr(equals + 1));
  if (!value) {
    return Invalid(fmt::format("query parameter {}: {}", Quote(*name), value.error().message));
  }
  if (*name == "meta") return TakeMeta(*value, query);
  terms.push_back({*std::move(name), negative, *std::move(value)});
  return {};
}

}  // namespace

Expected<SdQuery> ParseSdQuery(std::string_view query) {
  SdQuery parsed;
  std::vector<Selector::Term> terms;
  // One term too many is enough to be refused.
  while (!query.empty() && terms.size() <= Selector::kMaxTerms) {
    const std::size_t ampersand = query.find('&');
    const std::string_view parameter = query.substr(0, ampersand);
    if (!parameter.empty()) {
      if (auto ok = TakeParameter(parameter, parsed, terms); !ok) {
        return std::unexpected(std::move(ok.error()));
      }
    }
    query = ampersand == std::string_view::npos ? "" : query.substr(ampersand + 1);
  }
  auto selector = Selector::Make(std::move(terms));
  if (!selector) return Invalid("query: " + selector.error().message);
  parsed.selector = *std::move(selector);
  return parsed;
}

}  // namespace target_eye
