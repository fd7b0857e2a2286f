#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "config/apply.h"
#include "config/arguments.h"
#include "config/command_line.h"
#include "config/config.h"
#include "config/config_entry.h"
#include "config/config_file.h"
#include "config/meant_setting.h"
#include "config/settings.h"
#include "config/settings_table.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

using Environment = std::map<std::string, std::string>;

constexpr std::string_view kSections[] = {"hypercorn", "target-eye"};

struct Found {
  ConfigValue value;
  std::string where;  // `--bind`, `BIND (environment)` or `name:3: bind`.
};
using FoundByName = std::map<std::string_view, Found>;

const Setting* FindSetting(std::string_view name) {
  for (const Setting& setting : Settings()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

std::optional<std::string> Variable(const Environment& environment, std::string_view name) {
  const auto variable = environment.find(std::string(name));
  // Compose files and unit files pass variables on as empty ones.
  if (variable == environment.end() || variable->second.empty()) return std::nullopt;
  return variable->second;
}

FoundByName FromEnvironment(const Environment& environment) {
  FoundByName found;
  for (const Setting& setting : Settings()) {
    std::string name = VariableOf(setting);
    std::optional<std::string> value = Variable(environment, name);
    if (!value && !setting.other_variable.empty()) {
      name = setting.other_variable;
      value = Variable(environment, name);
    }
    if (!value) continue;
    if (name == "USER" && value == Variable(environment, "LOGNAME")) continue;
    found.emplace(setting.name, Found{ConfigValue::Text(*value), name + " (environment)"});
  }
  return found;
}

// `hypercorn` for `Hypercorn`, `target-eye` for `target_eye`: what a misspelt section was meant to
// be.
std::string_view MeantSection(std::string_view section) {
  std::string plain = LowerCase(Trim(section));
  std::ranges::replace(plain, '_', '-');
  for (const std::string_view known : kSections) {
    if (plain == known) return known;
  }
  return {};
}

std::string DidYouMean(std::string_view key) {
  const Setting* const meant = MeantSetting(key);
  if (meant == nullptr) return {};
  return fmt::format("; did you mean {} in [{}]?", meant->name, meant->section);
}

// What the file's entries set; a warning for what has no meaning, an error for what is surely a
// slip.
Expected<FoundByName> FromEntries(const std::vector<ConfigEntry>& entries, std::string_view file,
                                  std::vector<std::string>& warnings) {
  FoundByName found;
  std::string_view warned_section;
  for (const ConfigEntry& entry : entries) {
    if (std::ranges::find(kSections, entry.section) == std::end(kSections)) {
      if (entry.section == "DEFAULT") {
        return Invalid(
            fmt::format("{}:{}: section [DEFAULT] is not supported; expected each key in "
                        "its own section",
                        file, entry.line));
      }
      if (const auto meant = MeantSection(entry.section); !meant.empty()) {
        return Invalid(fmt::format("{}:{}: section {}: expected [{}]", file, entry.line,
                                   Quote(entry.section), meant));
      }
      if (entry.section != warned_section) {
        warnings.push_back(
            fmt::format("{}:{}: section {} has no meaning here; [hypercorn] and "
                        "[target-eye] have",
                        file, entry.line, Quote(entry.section)));
      }
      warned_section = entry.section;
      continue;
    }
    const Setting* const setting = FindSetting(entry.key);
    const std::string where = fmt::format("{}:{}: {}", file, entry.line,
                                          setting != nullptr ? entry.key : Quote(entry.key));
    if (setting != nullptr && setting->section != entry.section) {
      return Invalid(fmt::format("{}: expected in section [{}], not in [{}]", where,
                                 setting->section, entry.section));
    }
    if (setting != nullptr) {
      if (!entry.value.empty()) found.emplace(setting->name, Found{entry.value, where});
    } else if (entry.section == "target-eye") {
      const std::string meant = DidYouMean(entry.key);
      return Invalid(fmt::format("{}: unknown setting{} see --help for those there are", where,
                                 meant.empty() ? ";" : meant));
    } else {
      warnings.push_back(
          fmt::format("{}: unknown setting, it has no effect{}", where, DidYouMean(entry.key)));
    }
  }
  return found;
}

std::string Join(const std::vector<std::string>& items) {
  std::string joined;
  for (const std::string& item : items) joined += (joined.empty() ? "" : ",") + item;
  return joined;
}

const Found* Winner(const Setting& setting, std::initializer_list<const FoundByName*> sources) {
  for (const FoundByName* source : sources) {
    if (const auto found = source->find(setting.name); found != source->end()) {
      return &found->second;
    }
  }
  return nullptr;
}

Expected<void> Use(const Setting& setting, const Found& found, CommandLine& line) {
  std::optional<std::string> problem;
  switch (setting.topic) {
    case SettingTopic::kIgnored:
      line.warnings.push_back(
          fmt::format("{} is set and has no effect: {}", found.where, setting.doc));
      return {};
    case SettingTopic::kRefused:
      problem = setting.refusal(found.value.items.front());
      break;
    default:
      problem = Apply(setting, found.value, line.config);
  }
  if (problem) return Invalid(fmt::format("{}: {}", found.where, *problem));
  line.given.push_back({std::string(setting.name),
                        setting.secret ? "<secret>" : Join(found.value.items), found.where});
  return {};
}

bool Gives(const CommandLine& line, std::string_view name) {
  return std::ranges::find(line.given, name, &GivenSetting::name) != line.given.end();
}

// Of a URL that was checked, or of a path alone.
std::string PathOf(std::string_view url) {
  const std::size_t scheme_end = url.find("://");
  if (scheme_end != std::string_view::npos) {
    url.remove_prefix(scheme_end + 3);
    url.remove_prefix(std::min(url.find('/'), url.size()));
  }
  return std::string(url);
}

bool HasTls(const Config& config) { return !config.certfile.empty(); }

// What is wrong between settings that are each right; a warning for what only has no effect.
Expected<void> CheckTogether(CommandLine& line) {
  const Config& config = line.config;
  if (config.file_sd_directory.empty()) {
    return Invalid(
        "no directory to publish to; set FILE_SD_DIRECTORY (or --file-sd-directory, or "
        "file_sd_directory in the config file's [target-eye]) to the directory that Prometheus's "
        "file_sd_configs watches");
  }
  if (config.certfile.empty() != config.keyfile.empty()) {
    return Invalid(config.keyfile.empty()
                       ? "CERTFILE is set without KEYFILE; set KEYFILE to the certificate's key"
                       : "KEYFILE is set without CERTFILE; set CERTFILE to the key's certificate");
  }
  for (const std::string& peers : config.trusted_proxies) {
    if (peers.ends_with("/0")) {
      line.warnings.push_back(fmt::format(
          "TRUSTED_PROXIES has {}: every client is believed when it says who it is; name the "
          "proxies alone",
          peers));
    }
  }
  const bool verifies = config.verify_mode != "cert_none";
  if (verifies && config.ca_certs.empty()) {
    return Invalid(
        "VERIFY_MODE asks for client certificates; set CA_CERTS to the certificates that they must "
        "chain to");
  }
  if (HasTls(config) && !config.web_config_file.empty()) {
    return Invalid(
        "CERTFILE and WEB_CONFIG_FILE are both set; set the certificate in the web config's "
        "tls_server_config, or unset one of them");
  }
  if (!HasTls(config)) {
    if (verifies || !config.ca_certs.empty()) {
      return Invalid(fmt::format("{} is set without a certificate; set CERTFILE and KEYFILE",
                                 verifies ? "VERIFY_MODE" : "CA_CERTS"));
    }
    if (!config.insecure_bind.empty() && config.web_config_file.empty()) {
      line.warnings.emplace_back(
          "INSECURE_BIND is set without a certificate, so that BIND is plain HTTP as well; put its "
          "addresses into BIND");
    }
  } else if (!config.ca_certs.empty() && !verifies) {
    line.warnings.emplace_back(
        "CA_CERTS is set and has no effect: VERIFY_MODE is CERT_NONE, so that no client "
        "certificate "
        "is asked for");
  }
  return {};
}

}  // namespace

Expected<CommandLine> LoadConfig(const std::vector<std::string>& arguments,
                                 const std::map<std::string, std::string>& environment) {
  Expected<Arguments> parsed = ParseArguments(arguments);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  CommandLine line;
  line.action = parsed->action;
  line.reserved_word = parsed->reserved_word;
  if (line.action != CommandLine::Action::kServe &&
      line.action != CommandLine::Action::kCheckConfig &&
      line.action != CommandLine::Action::kCheckHealth &&
      line.action != CommandLine::Action::kAcceptLoss) {
    return line;
  }

  FoundByName flags;
  for (const Setting& setting : Settings()) {
    const auto flag = parsed->flags.find(setting.name);
    if (flag == parsed->flags.end()) continue;
    flags.emplace(setting.name, Found{flag->second, FlagOf(setting)});
  }
  const FoundByName variables = FromEnvironment(environment);
  FoundByName file;
  std::string path = parsed->config_file;
  if (path.empty()) path = Variable(environment, "CONFIG_FILE").value_or("");
  if (!path.empty()) {
    const auto entries = ReadConfigFile(path);
    if (!entries) return std::unexpected(entries.error());
    auto found = FromEntries(*entries, path, line.warnings);
    if (!found) return std::unexpected(std::move(found.error()));
    file = std::move(*found);
  }

  for (const Setting& setting : Settings()) {
    const Found* const found = Winner(setting, {&flags, &variables, &file});
    if (found == nullptr) continue;
    if (auto used = Use(setting, *found, line); !used) {
      return std::unexpected(std::move(used.error()));
    }
  }
  if (!Gives(line, "root_path")) line.config.root_path = PathOf(line.config.external_url);
  // Where to ask is enough: the service may get its directory from elsewhere.
  if (line.action == CommandLine::Action::kCheckHealth) return line;
  if (line.action == CommandLine::Action::kAcceptLoss && !line.config.file_sd_directory.empty()) {
    return line;
  }
  if (auto checked = CheckTogether(line); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return line;
}

}  // namespace target_eye
