#include "config/settings.h"

#include <fmt/format.h>

namespace target_eye {
namespace {

using Topic = SettingTopic;

std::string Kebab(std::string_view name) {
  std::string kebab(name);
  for (char& c : kebab) {
    if (c == '_') c = '-';
  }
  return kebab;
}

}  // namespace

std::string VariableOf(const Setting& setting) {
  std::string variable(setting.name);
  for (char& c : variable) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return variable;
}

std::string FlagOf(const Setting& setting) { return "--" + Kebab(setting.name); }

std::string OtherFlagOf(const Setting& setting) {
  return setting.other_flag.empty() ? "" : fmt::format("--{}", setting.other_flag);
}

bool Works(const Setting& setting) {
  return !std::holds_alternative<std::monostate>(setting.field);
}

std::string_view TitleOf(SettingTopic topic) {
  switch (topic) {
    case Topic::kDirectories:
      return "Directories";
    case Topic::kPublishing:
      return "Publishing";
    case Topic::kListening:
      return "Listening";
    case Topic::kTls:
      return "TLS";
    case Topic::kAccess:
      return "Access";
    case Topic::kLimits:
      return "Limits";
    case Topic::kDeadlines:
      return "Deadlines";
    case Topic::kLogs:
      return "Logs";
    case Topic::kProcess:
      return "Process";
    case Topic::kRefused:
      return "Settings that stop the start";
    case Topic::kIgnored:
      return "Settings without a meaning here";
  }
  return {};
}

}  // namespace target_eye
