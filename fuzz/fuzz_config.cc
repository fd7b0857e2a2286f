#include <algorithm>
#include <string>
#include <vector>

#include "config/config_entry.h"
#include "config/config_file.h"
#include "config/ini_file.h"
#include "config/toml_file.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

using Entries = std::vector<ConfigEntry>;

bool AreSame(const Entries& a, const Entries& b) {
  return std::ranges::equal(a, b, [](const ConfigEntry& x, const ConfigEntry& y) {
    return x.section == y.section && x.key == y.key && x.value == y.value;
  });
}

std::string EncodeIni(const Entries& entries) {
  std::string text;
  std::string section;
  for (const ConfigEntry& entry : entries) {
    if (text.empty() || entry.section != section) text += "[" + entry.section + "]\n";
    section = entry.section;
    text += entry.key + " = ";
    for (const char c : entry.value.items.front()) {
      text += c == '%' ? "%%" : c == '\n' ? "\n  " : std::string(1, c);
    }
    text += "\n";
  }
  return text;
}

std::string EncodeTomlValue(const ConfigValue& value) {
  using Form = ConfigValue::Form;
  switch (value.form) {
    case Form::kText:
      return Quoted(value.items.front());
    case Form::kNumber:
      return value.items.front() == "-0" ? "-0.0" : value.items.front();
    case Form::kBoolean:
      return value.items.front();
    case Form::kList:
      return QuotedList(value.items);
    case Form::kOther:
      return value.items.front().contains("list") ? "[1]" : "{}";
  }
  return {};
}

std::string EncodeToml(const Entries& entries) {
  std::string text;
  for (const ConfigEntry& entry : entries) {
    text += Quoted(entry.section) + "." + Quoted(entry.key) + " = " + EncodeTomlValue(entry.value) +
            "\n";
  }
  return text;
}

void Run(std::string_view text) {
  const auto entries = ParseConfigFile(text, "target-eye.conf");
  if (!entries) {
    RequireGoodError(entries.error());
    return Require(entries.error().message.contains("target-eye.conf"), "an error names the file");
  }
  for (const ConfigEntry& entry : *entries) {
    Require(entry.line > 0, "an entry has a line");
    Require(std::ranges::none_of(entry.key, [](char c) { return c >= 'A' && c <= 'Z'; }),
            "keys are in lower case");
    Require(entry.value.form == ConfigValue::Form::kList ||
                entry.value.form == ConfigValue::Form::kOther || entry.value.items.size() == 1,
            "only a list has other than one value");
  }
  if (const auto ini = ParseIni(text)) {
    const auto again = ParseIni(EncodeIni(*ini));
    Require(again && AreSame(*ini, *again), "INI written is the same entries again");
  }
  if (const auto toml = ParseToml(text)) {
    const auto again = ParseToml(EncodeToml(*toml));
    Require(again && AreSame(*toml, *again), "TOML written is the same entries again");
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
