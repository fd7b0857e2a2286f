#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/command_line.h"
#include "model/error.h"

namespace target_eye {

// Reads flags, the environment and the config file (the first argument, or CONFIG_FILE; INI or
// TOML); the first of these that has a setting wins. `arguments` is without the program's name.
//
// kInvalid names the setting, where it was set (flag, variable, or file and line), and what is
// expected. An unknown key in the `target-eye` section is an error; an unknown variable of the
// environment is ignored. Settings that make no sense together, such as a certificate without a
// key, are an error, too.
//
// A verb (verbs.h) before the other arguments asks for something else. The argument after
// `accept-loss` is the directory, and no other setting matters.
Expected<CommandLine> LoadConfig(const std::vector<std::string>& arguments,
                                 const std::map<std::string, std::string>& environment);

}  // namespace target_eye
