#include "config/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "config/settings.h"

namespace target_eye {
namespace {

// As CLI11 takes it: all spellings, separated by commas.
std::string Spellings(const Setting& setting) {
  std::string spellings = FlagOf(setting);
  if (!setting.other_flag.empty()) spellings += "," + OtherFlagOf(setting);
  if (setting.kind == SettingKind::kBoolean) spellings += ",!--no-" + FlagOf(setting).substr(2);
  return spellings;
}

// A flag that is not known leaves its value over, too, and that may come before it.
std::string FirstFlag(const std::vector<std::string>& arguments) {
  const auto flag = std::ranges::find_if(
      arguments, [](const std::string& argument) { return argument.starts_with('-'); });
  return flag == arguments.end() ? arguments.front() : *flag;
}

// What is left over when all that is known has been taken.
Error Unexpected(std::string_view argument) {
  if (!argument.starts_with('-')) {
    return {ErrorCode::kInvalid,
            fmt::format("unexpected argument {}: there is a CONFIG_FILE already; see --help",
                        Quote(argument))};
  }
  const std::string flag(argument.substr(0, argument.find('=')));
  const Setting* const meant = MeantSetting(flag);
  return {ErrorCode::kInvalid,
          fmt::format("unknown flag {};{} see --help", flag,
                      meant == nullptr ? "" : fmt::format(" did you mean {}?", FlagOf(*meant)))};
}

}  // namespace

Expected<Arguments> ParseArguments(const std::vector<std::string>& all) {
  const bool check = !all.empty() && all.front() == "check";
  const bool health = check && all.size() > 1 && all[1] == "health";
  if (check && !health && (all.size() < 2 || all[1] != "config")) {
    return Invalid(
        "check what? expected `check config [FLAG]... [CONFIG_FILE]` or `check health [FLAG]... "
        "[CONFIG_FILE]`; a config file of the name `check` is given as ./check");
  }
  const bool accept = !all.empty() && all.front() == "accept-loss";
  const std::vector<std::string> arguments(all.begin() + (check ? 2 : (accept ? 1 : 0)), all.end());
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const CLI::Option* const help = app.add_flag("-h,--help");
  const CLI::Option* const version = app.add_flag("--version");
  const CLI::Option* const reference = app.add_flag("--settings-reference");
  const CLI::Option* const file = app.add_option(accept ? "DIRECTORY" : "CONFIG_FILE");
  const CLI::Option* const file_flag = app.add_option("--config.file")->type_name("PATH");
  std::vector<std::pair<const Setting*, const CLI::Option*>> options;
  for (const Setting& setting : Settings()) {
    if (!Works(setting)) continue;
    CLI::Option* const option = setting.kind == SettingKind::kBoolean
                                    ? app.add_flag(Spellings(setting))
                                    : app.add_option(Spellings(setting));
    option->type_name(std::string(Placeholder(setting)));
    // Each use of a flag takes one value; a list may be used again.
    if (setting.kind == SettingKind::kList) option->allow_extra_args(false)->take_all();
    options.emplace_back(&setting, option);
  }

  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return Invalid(fmt::format("{}; see --help", error.what()));
  }
  if (!app.remaining().empty()) return std::unexpected(Unexpected(FirstFlag(app.remaining())));

  Arguments parsed;
  if (check) {
    parsed.action = health ? CommandLine::Action::kCheckHealth : CommandLine::Action::kCheckConfig;
  }
  if (accept) parsed.action = CommandLine::Action::kAcceptLoss;
  if (*help) {
    parsed.action = CommandLine::Action::kHelp;
  } else if (*version) {
    parsed.action = CommandLine::Action::kVersion;
  } else if (*reference) {
    parsed.action = CommandLine::Action::kSettingsReference;
  }
  if (accept) {
    // Of two, the one beside the command is the one that was meant.
    if (*file) {
      parsed.flags.emplace("file_sd_directory",
                           ConfigValue{ConfigValue::Form::kText, file->results()});
    }
    if (*file_flag) parsed.config_file = file_flag->results().front();
  } else if (*file && *file_flag) {
    return Invalid(fmt::format("the config file is given twice, as {} and by --config.file {}",
                               file->results().front(), file_flag->results().front()));
  } else if (*file || *file_flag) {
    parsed.config_file = (*file ? file : file_flag)->results().front();
  }
  for (const auto& [setting, option] : options) {
    if (!*option) continue;
    const auto form =
        setting->kind == SettingKind::kList ? ConfigValue::Form::kList : ConfigValue::Form::kText;
    parsed.flags.emplace(setting->name, ConfigValue{form, option->results()});
  }
  return parsed;
}

}  // namespace target_eye
