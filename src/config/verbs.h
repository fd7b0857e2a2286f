#pragma once

#include <span>
#include <string_view>

#include "config/command_line.h"
#include "config/config.h"

namespace target_eye {

// A word that is a command where it stands first on the command line. Any other first word is a
// flag or a config file, so that a new command takes no file from anybody: all that are thought of
// are here.
struct Verb {
  std::string_view word;
  // kReserved: this version does not have it yet. Of `check`, the second word tells.
  CommandLine::Action action = CommandLine::Action::kReserved;
};

std::span<const Verb> Verbs();

// Null for a word that is none.
const Verb* FindVerb(std::string_view word);

}  // namespace target_eye
