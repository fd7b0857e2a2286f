#include "config/toml_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <set>
#include <utility>

#include "config/config_entry.h"
#include "model/error.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

ConfigValue ToValue(const toml::node& node) {
  using Form = ConfigValue::Form;
  if (const auto* text = node.as_string()) return {Form::kText, {text->get()}};
  if (const auto* number = node.as_integer()) {
    return {Form::kNumber, {fmt::format("{}", number->get())}};
  }
  if (const auto* number = node.as_floating_point()) {
    return {Form::kNumber, {fmt::format("{}", number->get())}};
  }
  if (const auto* boolean = node.as_boolean()) {
    return {Form::kBoolean, {boolean->get() ? "true" : "false"}};
  }
  const auto* array = node.as_array();
  if (array == nullptr) return {Form::kOther, {"a table or a date"}};
  ConfigValue list{Form::kList, {}};
  for (const toml::node& element : *array) {
    const auto* text = element.as_string();
    if (text == nullptr) return {Form::kOther, {"a list of other things than strings"}};
    list.items.push_back(text->get());
  }
  return list;
}

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

}  // namespace

ConfigEntries ParseToml(std::string_view text) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return std::unexpected(ConfigSyntaxError{static_cast<int>(error.source().begin.line),
                                             std::string(error.description())});
  }
  std::vector<ConfigEntry> entries;
  for (const auto& [section, node] : root) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return std::unexpected(ConfigSyntaxError{
          LineOf(node),
          fmt::format("{} is in no section; expected [hypercorn] or [target-eye] before it",
                      Quote(section.str()))});
    }
    for (const auto& [name, value] : *table) {
      entries.push_back(
          {std::string(section.str()), LowerCase(name.str()), ToValue(value), LineOf(value)});
    }
  }
  std::ranges::stable_sort(entries, {}, &ConfigEntry::line);
  std::set<std::pair<std::string, std::string>> keys;
  for (const ConfigEntry& entry : entries) {
    if (!keys.emplace(entry.section, entry.key).second) {
      return std::unexpected(ConfigSyntaxError{
          entry.line,
          fmt::format("{} is given twice in section {}", Quote(entry.key), Quote(entry.section))});
    }
  }
  return entries;
}

}  // namespace target_eye
