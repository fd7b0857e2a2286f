#include "config/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/config.h"
#include "config/config_entry.h"
#include "config/setting_values.h"
#include "config/settings.h"
#include "model/error.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using Kind = SettingKind;

constexpr std::size_t kTextLimitBytes = 4096;

// `file or group`, from `file|group`.
std::string Choices(std::string_view words) {
  std::string text;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find('|'), words.size());
    const bool last = end == words.size();
    if (!text.empty()) text += last ? " or " : ", ";
    text += words.substr(0, end);
    words.remove_prefix(last ? end : end + 1);
  }
  return text;
}

// ` (or warn, fatal)`, from `warn=warning|fatal=critical`; nothing of nothing.
std::string OthersOf(std::string_view synonyms) {
  std::string text;
  while (!synonyms.empty()) {
    const std::size_t end = std::min(synonyms.find('|'), synonyms.size());
    text += text.empty() ? " (or " : ", ";
    text += synonyms.substr(0, synonyms.find('='));
    synonyms.remove_prefix(std::min(end + 1, synonyms.size()));
  }
  return text.empty() ? text : text + ')';
}

bool HasWord(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find('|'), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

// The word that `word` is another name of; itself where it is none.
std::string WithoutSynonym(std::string_view synonyms, std::string word) {
  while (!synonyms.empty()) {
    const std::size_t end = std::min(synonyms.find('|'), synonyms.size());
    const std::string_view one = synonyms.substr(0, end);
    const std::size_t equals = one.find('=');
    if (one.substr(0, equals) == word) return std::string(one.substr(equals + 1));
    synonyms.remove_prefix(std::min(end + 1, synonyms.size()));
  }
  return word;
}

// Its path, without slashes at the end; nothing if `text` is no address of a service.
std::optional<std::string> PathOfUrl(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    const std::string_view host = text.substr(0, text.find('/'));
    if (host.empty() || host.contains('@')) return std::nullopt;
    text.remove_prefix(host.size());
    if (text.empty()) return "";
    break;
  }
  if (!text.starts_with('/') || text.starts_with("//")) return std::nullopt;
  while (text.ends_with('/')) text.remove_suffix(1);
  return std::string(text);
}

bool HasControls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string ExpectedOf(const Setting& setting) {
  switch (setting.kind) {
    case Kind::kText:
    case Kind::kName:
      return "one line of text";
    case Kind::kWord:
      return Choices(setting.words) + OthersOf(setting.synonyms);
    case Kind::kVerifyMode:
      return "CERT_NONE, CERT_OPTIONAL or CERT_REQUIRED";
    case Kind::kUrlPath:
      return "a path that begins with `/`, e.g. /target-eye";
    case Kind::kUrl:
      return "http://HOST or https://HOST with the path below which this service is reached, or "
             "that path alone, e.g. https://example.org/target-eye";
    case Kind::kList:
      return "values separated by commas, none of them empty";
    case Kind::kCount:
      return "a whole number";
    case Kind::kBytes:
      return "a number of bytes, e.g. 65536, 64KiB or 1MiB";
    case Kind::kSeconds:
      return "seconds, e.g. 5 or 2.5";
    case Kind::kBoolean:
      return "true or false";
    case Kind::kOctal:
      return "octal digits up to 777, e.g. 022";
  }
  return {};
}

std::string RangeOf(const Setting& setting) {
  const auto least = static_cast<std::int64_t>(setting.least);
  const auto most = static_cast<std::int64_t>(setting.most);
  switch (setting.kind) {
    case Kind::kSeconds:
      return fmt::format("{} to {} seconds", setting.least, setting.most);
    case Kind::kBytes:
      return fmt::format("{} to {}", FormatBytes(least), FormatBytes(most));
    case Kind::kList:
      return fmt::format("at most {} values", most);
    default:
      return fmt::format("{} to {}", least, most);
  }
}

// The word for what Python's `ssl.VerifyMode` also writes as `VerifyMode.CERT_NONE` or `0`.
std::string VerifyMode(std::string_view text) {
  std::string mode = LowerCase(Trim(text));
  if (mode.starts_with("verifymode.")) mode.erase(0, std::string_view("verifymode.").size());
  if (mode == "0") return "cert_none";
  if (mode == "1") return "cert_optional";
  if (mode == "2") return "cert_required";
  return mode;
}

// A problem is told as what was expected instead.
using Problem = std::optional<std::string>;

Problem Set(const Setting& setting, const ConfigValue& value, Config& config,
            std::string Config::* field) {
  std::string text = value.items.front();
  switch (setting.kind) {
    case Kind::kWord:
      text = WithoutSynonym(setting.synonyms, LowerCase(Trim(text)));
      if (!HasWord(setting.words, text)) return ExpectedOf(setting);
      break;
    case Kind::kVerifyMode:
      text = VerifyMode(text);
      if (!HasWord(setting.words, text)) return ExpectedOf(setting);
      break;
    case Kind::kUrlPath:
      if (!text.starts_with('/') || HasControls(text) ||
          text.find_first_of("?#% ") != std::string::npos) {
        return ExpectedOf(setting);
      }
      while (text.ends_with('/')) text.pop_back();
      break;
    case Kind::kUrl:
      if (HasControls(text) || text.find_first_of("?#% '\"\\") != std::string::npos ||
          !PathOfUrl(text)) {
        return ExpectedOf(setting);
      }
      while (text.ends_with('/')) text.pop_back();
      break;
    default:
      if (HasControls(text)) return ExpectedOf(setting);
  }
  if (text.size() > kTextLimitBytes) return fmt::format("at most {} bytes", kTextLimitBytes);
  config.*field = std::move(text);
  return std::nullopt;
}

Problem Set(const Setting& setting, const ConfigValue& value, Config& config,
            std::vector<std::string> Config::* field) {
  std::vector<std::string> all;
  for (const std::string& item : value.items) {
    const auto elements = ParseList(item);
    if (!elements) return ExpectedOf(setting);
    all.insert(all.end(), elements->begin(), elements->end());
  }
  if (std::ranges::any_of(all, HasControls)) return ExpectedOf(setting);
  if (setting.is_element != nullptr && !std::ranges::all_of(all, setting.is_element)) {
    return std::string(setting.elements);
  }
  if (static_cast<double>(all.size()) > setting.most) return RangeOf(setting);
  config.*field = std::move(all);
  return std::nullopt;
}

std::optional<std::int64_t> ParseNumber(const Setting& setting, const std::string& text) {
  return setting.kind == Kind::kBytes ? ParseBytes(text) : ParseCount(text);
}

template <typename Number>
  requires(std::is_same_v<Number, int> || std::is_same_v<Number, std::size_t>)
Problem Set(const Setting& setting, const ConfigValue& value, Config& config,
            Number Config::* field) {
  const auto number = ParseNumber(setting, value.items.front());
  if (!number) return ExpectedOf(setting);
  const auto as_double = static_cast<double>(*number);
  if (as_double < setting.least || as_double > setting.most) return RangeOf(setting);
  config.*field = static_cast<Number>(*number);
  return std::nullopt;
}

Problem Set(const Setting& setting, const ConfigValue& value, Config& config,
            std::chrono::milliseconds Config::* field) {
  const auto duration = ParseDuration(value.items.front());
  if (!duration) return ExpectedOf(setting);
  const double seconds = std::chrono::duration<double>(*duration).count();
  if (seconds < setting.least || seconds > setting.most) return RangeOf(setting);
  config.*field = *duration;
  return std::nullopt;
}

Problem Set(const Setting& setting, const ConfigValue& value, Config& config,
            bool Config::* field) {
  const auto boolean = ParseBoolean(value.items.front());
  if (!boolean) return ExpectedOf(setting);
  config.*field = *boolean;
  return std::nullopt;
}

Problem Set(const Setting& setting, const ConfigValue& value, Config& config,
            std::optional<int> Config::* field) {
  // A number of TOML has been read already: `0o22` is 18 by now.
  const std::string& text = value.items.front();
  const auto mode = value.form == ConfigValue::Form::kNumber ? ParseCount(text)
                    : ParseOctal(text) ? std::optional<std::int64_t>(*ParseOctal(text))
                                       : std::nullopt;
  if (!mode || *mode > 0777) return ExpectedOf(setting);
  config.*field = static_cast<int>(*mode);
  return std::nullopt;
}

Problem Set(const Setting&, const ConfigValue&, Config&, std::monostate) { return std::nullopt; }

bool Takes(const Setting& setting, ConfigValue::Form form) {
  using Form = ConfigValue::Form;
  switch (form) {
    case Form::kText:
      return true;
    case Form::kNumber:
      return setting.kind == Kind::kCount || setting.kind == Kind::kBytes ||
             setting.kind == Kind::kSeconds || setting.kind == Kind::kOctal ||
             setting.kind == Kind::kName || setting.kind == Kind::kVerifyMode ||
             !setting.synonyms.empty();
    case Form::kBoolean:
      return setting.kind == Kind::kBoolean;
    case Form::kList:
      return setting.kind == Kind::kList;
    case Form::kOther:
      return false;
  }
  return false;
}

}  // namespace

std::optional<std::string> Apply(const Setting& setting, const ConfigValue& value, Config& config) {
  const Problem problem =
      Takes(setting, value.form)
          ? std::visit([&](auto field) { return Set(setting, value, config, field); },
                       setting.field)
          : ExpectedOf(setting);
  if (!problem) return std::nullopt;
  if (setting.secret) return fmt::format("expected {}", *problem);
  std::string shown;
  for (const std::string& item : value.items) shown += (shown.empty() ? "" : ",") + item;
  return fmt::format("{}: expected {}", Quote(shown), *problem);
}

std::string_view Placeholder(const Setting& setting) {
  switch (setting.kind) {
    case Kind::kText:
      return "TEXT";
    case Kind::kName:
      return "NAME";
    case Kind::kWord:
    case Kind::kVerifyMode:
      return setting.words;
    case Kind::kUrlPath:
      return "PATH";
    case Kind::kUrl:
      return "URL";
    case Kind::kList:
      return "LIST";
    case Kind::kCount:
      return "NUMBER";
    case Kind::kBytes:
      return "BYTES";
    case Kind::kSeconds:
      return "SECONDS";
    case Kind::kBoolean:
      return "true|false";
    case Kind::kOctal:
      return "OCTAL";
  }
  return {};
}

std::string DefaultOf(const Setting& setting) {
  if (!setting.default_note.empty()) return std::string(setting.default_note);
  const Config config;
  if (const auto* text = std::get_if<std::string Config::*>(&setting.field)) {
    return fmt::format("`{}`", config.**text);
  }
  if (const auto* list = std::get_if<std::vector<std::string> Config::*>(&setting.field)) {
    return fmt::format("`{}`", fmt::join(config.**list, ","));
  }
  if (const auto* number = std::get_if<int Config::*>(&setting.field)) {
    return fmt::format("`{}`", config.**number);
  }
  if (const auto* size = std::get_if<std::size_t Config::*>(&setting.field)) {
    return fmt::format("`{}`", setting.kind == Kind::kBytes
                                   ? FormatBytes(static_cast<std::int64_t>(config.**size))
                                   : fmt::format("{}", config.**size));
  }
  if (const auto* duration = std::get_if<std::chrono::milliseconds Config::*>(&setting.field)) {
    return fmt::format("`{}`", FormatDuration(config.**duration));
  }
  if (const auto* boolean = std::get_if<bool Config::*>(&setting.field)) {
    return fmt::format("`{}`", config.**boolean);
  }
  return "none";
}

}  // namespace target_eye
