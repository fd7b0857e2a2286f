#include "config/ini_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "config/config_entry.h"
#include "model/error.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

std::string WithoutDoubledPercent(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    plain += text[i];
    if (text.substr(i).starts_with("%%")) ++i;
  }
  return plain;
}

class IniParser {
 public:
  ConfigEntries Parse(std::string_view text) {
    for (line_ = 1; !text.empty(); ++line_) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      TakeLine(text.substr(0, end));
      if (!problem_.empty()) return std::unexpected(ConfigSyntaxError{line_, problem_});
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    for (ConfigEntry& entry : entries_) {
      std::string& value = entry.value.items.front();
      while (value.ends_with('\n')) value.pop_back();
      value = WithoutDoubledPercent(value);
    }
    return std::move(entries_);
  }

 private:
  void TakeLine(std::string_view line) {
    const std::string_view content = Trim(line);
    if (content.starts_with('#') || content.starts_with(';')) return;
    if (content.empty()) {
      // May stand inside a value that goes on after it; at its end it is taken off again.
      if (in_value_) entries_.back().value.items.front() += '\n';
      return;
    }
    const auto indent = static_cast<std::size_t>(content.data() - line.data());
    if (in_value_ && indent > indent_) {
      entries_.back().value.items.front().append("\n").append(content);
      return;
    }
    indent_ = indent;
    in_value_ = false;
    if (content.starts_with('[') && content.find(']') > 1 &&
        content.find(']') != std::string_view::npos) {
      TakeSection(content);
    } else {
      TakeKey(content);
    }
  }

  void TakeSection(std::string_view content) {
    const std::string_view name = content.substr(1, content.find(']') - 1);
    if (content.size() != name.size() + 2) {
      problem_ = fmt::format("expected nothing after the section {}", Quote(name));
    } else if (!sections_.emplace(name).second) {
      problem_ = fmt::format("section {} is given twice", Quote(name));
    }
    section_ = name;
  }

  void TakeKey(std::string_view content) {
    const std::size_t delimiter = content.find_first_of("=:");
    const std::string key = LowerCase(Trim(content.substr(0, delimiter)));
    if (delimiter == std::string_view::npos || key.empty()) {
      problem_ = fmt::format("{}: expected `key = value` or `[section]`", Quote(content));
    } else if (sections_.empty()) {
      problem_ = fmt::format("{} is in no section; expected [hypercorn] or [target-eye] before it",
                             Quote(key));
    } else if (!keys_.emplace(section_, key).second) {
      problem_ = fmt::format("{} is given twice in section {}", Quote(key), Quote(section_));
    } else {
      entries_.push_back({section_, key,
                          ConfigValue::Text(std::string(Trim(content.substr(delimiter + 1)))),
                          line_});
      in_value_ = true;
    }
  }

  int line_ = 0;
  std::string problem_;
  std::string section_;
  std::size_t indent_ = 0;
  bool in_value_ = false;  // The line before was a key or went on with its value.
  std::set<std::string> sections_;
  std::set<std::pair<std::string, std::string>> keys_;
  std::vector<ConfigEntry> entries_;
};

}  // namespace

ConfigEntries ParseIni(std::string_view text) { return IniParser().Parse(text); }

}  // namespace target_eye
