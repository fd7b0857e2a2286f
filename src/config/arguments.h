#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/command_line.h"
#include "config/config.h"
#include "config/config_entry.h"
#include "model/error.h"

namespace target_eye {

// The command line, taken apart; the values are not checked yet.
struct Arguments {
  CommandLine::Action action = CommandLine::Action::kServe;
  std::string reserved_word;                              // Of kReserved; the rest is empty then.
  std::string config_file;                                // Empty if none is given.
  std::map<std::string, ConfigValue, std::less<>> flags;  // By the setting's name.
};

// kInvalid for a flag that is unknown, lacks its value, or is given twice without being a list.
Expected<Arguments> ParseArguments(const std::vector<std::string>& arguments);

}  // namespace target_eye
