#include "config/verbs.h"

#include <algorithm>
#include <array>

#include "config/command_line.h"

namespace target_eye {
namespace {

using Action = CommandLine::Action;

constexpr auto kVerbs = std::to_array<Verb>({
    {"serve", Action::kServe},
    {"check", Action::kCheckConfig},
    {"accept-loss", Action::kAcceptLoss},
    {"help", Action::kHelp},
    {"version", Action::kVersion},
    {"get"},
    {"put"},
    {"add"},
    {"remove"},
    {"delete"},
    {"list"},
    {"find"},
    {"history"},
    {"revert"},
    {"watch"},
    {"export"},
    {"import"},
    {"brake"},
    {"config"},
    {"register"},
    {"renew"},
    {"leave"},
    {"completion"},
    {"health"},
});

}  // namespace

std::span<const Verb> Verbs() { return kVerbs; }

const Verb* FindVerb(std::string_view word) {
  const auto* const found = std::ranges::find(kVerbs, word, &Verb::word);
  return found == kVerbs.end() ? nullptr : found;
}

}  // namespace target_eye
