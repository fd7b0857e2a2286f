#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace target_eye {

// A setting that was given, for a person to read.
struct GivenSetting {
  std::string name;
  std::string value;  // `<secret>` if it must not be shown.
  std::string where;  // `--bind`, `BIND (environment)` or `target-eye.toml:3: bind`.
};

// What the command line asks for.
struct CommandLine {
  enum class Action {
    kServe,
    kCheckConfig,
    kCheckHealth,
    kAcceptLoss,
    kHelp,
    kVersion,
    kSettingsReference,
    kReserved,  // A command that this version does not have: nothing else is looked at.
  } action = Action::kServe;
  std::string reserved_word;  // Of kReserved.
  Config config;
  std::vector<GivenSetting> given;  // In the order of docs/configuration.md.
  // One line each, for the log: settings without a meaning here, and the like.
  std::vector<std::string> warnings;
};

}  // namespace target_eye
