#include "codec/change_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "codec/percent.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

std::string_view NameOf(Method method) {
  switch (method) {
    case Method::kPut:
    case Method::kAdd:
      return "PUT";
    case Method::kPost:
      return "POST";
    case Method::kDelete:
      return "DELETE";
  }
  return "";
}

// As the libraries of many languages write a boolean: `True`, `1`.
Expected<bool> ParseBool(std::string_view text) {
  const std::string value = LowerCase(text);
  if (value.empty() || value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return Invalid(fmt::format("expected true or false, found {}", Quote(value)));
}

Expected<void> TakeAdd(std::string_view value, ChangeQuery& query) {
  auto add = ParseBool(value);
  if (!add) return std::unexpected(std::move(add.error()));
  query.add = *add;
  return {};
}

// One parameter that a query may have.
struct Parameter {
  std::string_view name;
  Method method;  // The only one that it is for.
  Expected<void> (*take)(std::string_view value, ChangeQuery& query);
};

constexpr auto kParameters = std::to_array<Parameter>({
    {"add", Method::kPut, TakeAdd},
});

std::unexpected<Error> Unknown(std::string_view name, Method method) {
  const std::string_view is_for = NameOf(method);
  return Invalid(fmt::format(
      "query parameter {}: {} knows no such parameter; expected targets and labels in the body, as "
      "in: curl -X {} -d targets=HOST:PORT -d LABEL=VALUE",
      Quote(name), is_for, is_for));
}

class Reader {
 public:
  explicit Reader(Method method) : method_(method) {}

  Expected<void> Take(std::string_view parameter) {
    const std::size_t equals = parameter.find('=');
    auto name = FormDecode(parameter.substr(0, equals));
    if (!name) return Invalid("query: " + name.error().message);
    const auto* known = std::ranges::find(kParameters, *name, &Parameter::name);
    if (known == kParameters.end()) return Unknown(*name, method_);
    if (known->method != method_) {
      return Invalid(fmt::format("query parameter {}: is for {} only, not for {}", Quote(*name),
                                 NameOf(known->method), NameOf(method_)));
    }
    bool& seen = seen_[static_cast<std::size_t>(known - kParameters.begin())];
    if (std::exchange(seen, true)) {
      return Invalid(fmt::format("query parameter {}: is given twice", Quote(*name)));
    }
    auto value = FormDecode(equals == std::string_view::npos ? "" : parameter.substr(equals + 1));
    auto ok = value ? known->take(*value, query_) : std::unexpected(std::move(value.error()));
    if (ok) return {};
    return Invalid(fmt::format("query parameter {}: {}", Quote(*name), ok.error().message));
  }

  const ChangeQuery& query() const { return query_; }

 private:
  const Method method_;
  ChangeQuery query_;
  std::array<bool, kParameters.size()> seen_ = {};
};

}  // namespace

Expected<ChangeQuery> ParseChangeQuery(std::string_view query, Method method) {
  Reader reader(method);
  while (!query.empty()) {
    const std::size_t ampersand = query.find('&');
    const std::string_view parameter = query.substr(0, ampersand);
    if (!parameter.empty()) {
      if (auto ok = reader.Take(parameter); !ok) return std::unexpected(std::move(ok.error()));
    }
    query = ampersand == std::string_view::npos ? "" : query.substr(ampersand + 1);
  }
  return reader.query();
}

}  // namespace target_eye
