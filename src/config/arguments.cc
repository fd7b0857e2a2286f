#include "config/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "config/apply.h"
#include "config/command_line.h"
#include "config/config_entry.h"
#include "config/meant_setting.h"
#include "config/settings.h"
#include "config/settings_table.h"
#include "config/verbs.h"

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

// What is asked for, and how many words said it.
struct Command {
  CommandLine::Action action = CommandLine::Action::kServe;
  int words = 0;
};

Expected<Command> ParseCommand(const std::vector<std::string>& arguments) {
  const Verb* const verb = arguments.empty() ? nullptr : FindVerb(arguments.front());
  if (verb == nullptr) return Command{};
  if (verb->word != "check") return Command{verb->action, 1};
  const std::string_view what = arguments.size() > 1 ? arguments[1] : std::string_view();
  if (what == "config") return Command{CommandLine::Action::kCheckConfig, 2};
  if (what == "health") return Command{CommandLine::Action::kCheckHealth, 2};
  return Invalid(
      "check what? expected `check config [FLAG]... [CONFIG_FILE]` or `check health [FLAG]... "
      "[CONFIG_FILE]`; a config file of the name `check` is given as ./check");
}

}  // namespace

Expected<Arguments> ParseArguments(const std::vector<std::string>& all) {
  auto command = ParseCommand(all);
  if (!command) return std::unexpected(std::move(command.error()));
  Arguments parsed{.action = command->action, .reserved_word = {}, .config_file = {}, .flags = {}};
  if (parsed.action == CommandLine::Action::kReserved) {
    parsed.reserved_word = all.front();
    return parsed;
  }
  const bool accept = parsed.action == CommandLine::Action::kAcceptLoss;
  const std::vector<std::string> arguments(all.begin() + command->words, all.end());
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
