#include "app/web_security.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "access/access_file.h"
#include "access/web_config.h"
#include "http/bind_address.h"

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

bool IsReadableByAll(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

Expected<void> LoadTls(const TlsOptions& options, WebSecurity& security) {
  for (const std::string& file : {options.cert_file, options.key_file, options.ca_file}) {
    if (!file.empty()) security.files.push_back(file);
  }
  auto context = TlsContext::Load(options);
  if (!context) return std::unexpected(std::move(context.error()));
  security.tls = std::move(*context);
  if (IsReadableByAll(options.key_file)) {
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
  auto policy =
      AccessPolicy::Make(web ? &*web : nullptr, access ? &*access : nullptr, tls && Checks(*tls));
  if (!policy) return std::unexpected(std::move(policy.error()));
  security.access = std::move(*policy);
  WarnOfClearText(config, security);
  return security;
}

}  // namespace target_eye
