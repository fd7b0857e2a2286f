#include "app/guards.h"

#include <fmt/format.h>

#include <algorithm>

namespace target_eye {
namespace {

struct Guard {
  bool Guards::* has;
  std::string Guards::* file;
  const char* gone;  // What a person reads if it is.
};

constexpr Guard kGuards[] = {
    {&Guards::web_config_defines_something, &Guards::web_config, "defines nothing any more"},
    {&Guards::has_users, &Guards::web_config, "basic_auth_users: there are no users any more"},
    {&Guards::has_rules, &Guards::access_file, "rules: there are none any more"},
    {&Guards::has_tls, &Guards::web_config,
     "tls_server_config: there is none any more: TLS would be off"},
    {&Guards::demands_certificates, &Guards::web_config,
     "client_auth_type: clients without a certificate would be let in"},
    {&Guards::checks_certificates, &Guards::web_config,
     "client_auth_type: clients' certificates would not be checked any more"},
    {&Guards::limits_names, &Guards::web_config,
     "client_allowed_sans: there are none any more: every name would be let in"},
};

}  // namespace

Expected<void> CheckReload(const Guards& before, const Guards& now) {
  for (const Guard& guard : kGuards) {
    if (!(before.*guard.has) || now.*guard.has) continue;
    return Invalid(fmt::format(
        "{}: {}. A reload never takes away what keeps people out; if this is meant, restart "
        "target-eye",
        now.*guard.file, guard.gone));
  }
  if (!before.has_tls && now.has_tls) {
    return Invalid(fmt::format("{}: TLS cannot be turned on while target-eye runs; restart it",
                               now.web_config));
  }
  for (const std::string& file : now.writable_by_all) {
    if (std::ranges::find(before.writable_by_all, file) != before.writable_by_all.end()) continue;
    return Invalid(fmt::format(
        "{0}: everybody on this machine can write to it now, and could not before: whoever did may "
        "have let themselves in. Look at what it says, then chmod o-w {0}",
        file));
  }
  return {};
}

}  // namespace target_eye
