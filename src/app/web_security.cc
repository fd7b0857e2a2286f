#include "app/web_security.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "access/access_file.h"
#include "access/web_config.h"
#include "http/net/bind_address.h"

namespace target_eye {
namespace {

using ClientCertificate = TlsOptions::ClientCertificate;

TlsOptions OptionsOf(const Config& config) {
  TlsOptions options;
  options.cert_file = config.certfile;
  options.key_file = config.keyfile;
  options.key_password = config.keyfile_password;
  if (config.verify_mode != "cert_none") {
    options.ca_file = config.ca_certs;
    options.client_certificate = config.verify_mode == "cert_required"
                                     ? ClientCertificate::kRequired
                                     : ClientCertificate::kIfGiven;
    options.verify_flags = config.verify_flags;
  }
  options.ciphers = config.ciphers;
  options.alpn_protocols = config.alpn_protocols;
  return options;
}

bool Checks(const TlsOptions& options) {
  return options.client_certificate == ClientCertificate::kIfGiven ||
         options.client_certificate == ClientCertificate::kRequired;
}

// Whether the mode of what is at `path` has `bit`; not if it cannot be looked at.
bool HasMode(const std::string& path, mode_t bit) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & bit) != 0;
}

// What is named and defines nothing, or less than it seems to: who may do what, in its place.
void WarnOfNothing(const WebConfig* web, const AccessFile* access, WebSecurity& security) {
  const bool has_users = web != nullptr && !web->users.empty();
  if (web != nullptr && !has_users && (!web->defines_something || web->names_users)) {
    security.warnings.push_back(fmt::format(
        "{}: {}: {}", web->name,
        web->defines_something ? "basic_auth_users: has no users" : "defines nothing",
        access == nullptr ? "nobody has to log in, and everybody who can reach target-eye may "
                            "read and change everything"
                          : "nobody can log in with a password; the access file decides alone"));
  }
  if (access != nullptr && access->rules.empty()) {
    security.warnings.push_back(fmt::format(
        "{}: has no rules: nobody may read or change anything; only /-/healthy and /-/ready are "
        "open",
        access->name));
  }
}

// `tls`, `web` and `access` may be null.
Guards GuardsOf(const TlsOptions* tls, const WebConfig* web, const AccessFile* access,
                const std::vector<std::string>& files) {
  Guards guards;
  if (web != nullptr) {
    guards.web_config = web->name;
    guards.web_config_defines_something = web->defines_something;
    guards.has_users = !web->users.empty();
  }
  if (access != nullptr) {
    guards.access_file = access->name;
    guards.has_rules = !access->rules.empty();
  }
  if (tls != nullptr) {
    const ClientCertificate mode = tls->client_certificate;
    guards.has_tls = true;
    guards.demands_certificates =
        mode == ClientCertificate::kNeeded || mode == ClientCertificate::kRequired;
    guards.checks_certificates = Checks(*tls);
    guards.limits_names = !tls->allowed_sans.empty();
  }
  for (const std::string& file : files) {
    if (HasMode(file, S_IWOTH)) guards.writable_by_all.push_back(file);
  }
  return guards;
}

Expected<void> LoadTls(const TlsOptions& options, WebSecurity& security) {
  for (const std::string& file : {options.cert_file, options.key_file, options.ca_file}) {
    if (!file.empty()) security.files.push_back(file);
  }
  auto context = TlsContext::Load(options);
  if (!context) return std::unexpected(std::move(context.error()));
  security.tls = std::move(*context);
  if (HasMode(options.key_file, S_IROTH)) {
    security.warnings.push_back(fmt::format(
        "{}: everybody on this machine can read the key; let only the user of target-eye read it",
        options.key_file));
  }
  return {};
}

void WarnOfClearText(const Config& config, WebSecurity& security) {
  if (!security.access) return;
  const bool has_users = security.access->has_users();
  const bool has_tokens = security.access->has_tokens();
  if (!has_users && !has_tokens) return;
  const bool has_tls = security.tls != nullptr;
  std::vector<std::string> plain = config.insecure_bind;
  if (!has_tls) plain.insert(plain.begin(), config.bind.begin(), config.bind.end());
  const auto exposed = std::ranges::find_if(plain, IsReachedFromOutside);
  if (exposed == plain.end()) return;
  security.warnings.push_back(
      fmt::format("{} cross the network in the clear: {} is plain HTTP; {}, or listen there on a "
                  "unix socket or "
                  "127.0.0.1 only",
                  has_users && has_tokens ? "passwords and tokens"
                  : has_users             ? "passwords"
                                          : "tokens",
                  *exposed,
                  has_tls ? "take it out of INSECURE_BIND"
                          : "set a certificate (CERTFILE and KEYFILE, or a web config)"));
}

}  // namespace

Expected<bool> UsesTls(const Config& config) {
  if (config.web_config_file.empty()) return !config.certfile.empty();
  auto web = LoadWebConfig(config.web_config_file);
  if (!web) return std::unexpected(std::move(web.error()));
  return web->tls.has_value();
}

Expected<WebSecurity> LoadWebSecurity(const Config& config) {
  WebSecurity security;
  std::optional<TlsOptions> tls;
  if (!config.certfile.empty()) tls = OptionsOf(config);

  std::optional<WebConfig> web;
  if (!config.web_config_file.empty()) {
    security.files.push_back(config.web_config_file);
    auto loaded = LoadWebConfig(config.web_config_file);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    web = std::move(*loaded);
    tls = web->tls;
    for (auto& [name, value] : web->headers) security.response_headers.push_back({name, value});
  }
  if (tls) {
    if (auto loaded = LoadTls(*tls, security); !loaded) {
      return std::unexpected(std::move(loaded.error()));
    }
  }

  std::optional<AccessFile> access;
  if (!config.access_file.empty()) {
    security.files.push_back(config.access_file);
    auto loaded = LoadAccessFile(config.access_file);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    access = std::move(*loaded);
  }
  const WebConfig* const web_config = web ? &*web : nullptr;
  const AccessFile* const access_file = access ? &*access : nullptr;
  auto policy = AccessPolicy::Make(web_config, access_file, tls && Checks(*tls));
  if (!policy) return std::unexpected(std::move(policy.error()));
  security.access = std::move(*policy);
  WarnOfClearText(config, security);
  security.guards = GuardsOf(tls ? &*tls : nullptr, web_config, access_file, security.files);
  for (const std::string& file : security.guards.writable_by_all) {
    security.warnings.push_back(fmt::format(
        "{0}: everybody on this machine can write to it, and so let themselves in; chmod o-w {0}",
        file));
  }
  WarnOfNothing(web_config, access_file, security);
  return security;
}

}  // namespace target_eye
