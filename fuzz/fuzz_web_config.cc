#include <algorithm>
#include <array>
#include <ranges>
#include <string>
#include <vector>

#include "access/bcrypt.h"
#include "access/go_tls_names.h"
#include "access/web_config.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

constexpr std::array<std::string_view, 5> kClientAuthTypes = {
    "NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert"};

constexpr std::array<std::string_view, 13> kGoCiphers = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256"};

constexpr std::array<std::string_view, 4> kGoCurves = {"CurveP256", "CurveP384", "CurveP521",
                                                       "X25519"};

// Go's names of what is in `list`, with colons between.
template <typename OpensslName>
void AddGoNames(std::string_view list, const auto& go_names, const OpensslName& openssl,
                std::vector<std::string>& names) {
  for (const auto part : std::views::split(list, ':')) {
    const std::string_view name(part.begin(), part.end());
    if (name.empty()) continue;
    const auto go = std::ranges::find(go_names, name, openssl);
    Require(go != go_names.end(), "what a list says has a name of Go's");
    names.emplace_back(*go);
  }
}

std::string EncodeTls(const TlsOptions& tls) {
  const auto version = [](int number) { return " TLS" + std::to_string(number) + "\n"; };
  std::string text = "tls_server_config:\n  cert_file: " + Quoted(tls.cert_file) +
                     "\n  key_file: " + Quoted(tls.key_file) + "\n  client_auth_type: ";
  text += kClientAuthTypes.at(static_cast<std::size_t>(tls.client_certificate));
  if (!tls.ca_file.empty()) text += "\n  client_ca_file: " + Quoted(tls.ca_file);
  text += "\n  client_allowed_sans: " + QuotedList(tls.allowed_sans) + "\n";
  text += "  min_version:" + version(tls.min_version) + "  max_version:" + version(tls.max_version);
  std::vector<std::string> ciphers;
  const auto cipher_of = [](std::string_view go) { return CipherOfGo(go)->name; };
  if (tls.ciphers != TlsOptions().ciphers) AddGoNames(tls.ciphers, kGoCiphers, cipher_of, ciphers);
  AddGoNames(tls.cipher_suites, kGoCiphers, cipher_of, ciphers);
  if (!ciphers.empty()) text += "  cipher_suites: " + QuotedList(ciphers) + "\n";
  std::vector<std::string> curves;
  AddGoNames(tls.curves, kGoCurves, CurveOfGo, curves);
  if (!curves.empty()) text += "  curve_preferences: " + QuotedList(curves) + "\n";
  return text;
}

std::string Encode(const WebConfig& config) {
  std::string text = config.tls ? EncodeTls(*config.tls) : "";
  text += std::string("http_server_config:\n  http2: ") + (config.http2 ? "true\n" : "false\n");
  if (!config.headers.empty()) text += "  headers:\n";
  for (const auto& [name, value] : config.headers)
    text += "    " + name + ": " + Quoted(value) + "\n";
  if (!config.users.empty()) text += "basic_auth_users:\n";
  for (const WebConfig::User& user : config.users) {
    text += "  " + Quoted(user.name) + ": " + Quoted(user.hash) + "\n";
  }
  return text;
}

bool AreSame(const WebConfig& a, const WebConfig& b) {
  const auto same_user = [](const WebConfig::User& x, const WebConfig::User& y) {
    return x.name == y.name && x.hash == y.hash;
  };
  return a.tls == b.tls && a.http2 == b.http2 && a.headers == b.headers &&
         std::ranges::equal(a.users, b.users, same_user);
}

void Run(std::string_view text) {
  const auto config = ParseWebConfig(text, "web.yml");
  if (!config) {
    RequireGoodError(config.error());
    return Require(config.error().message.starts_with("web.yml:"), "an error names the file");
  }
  for (const WebConfig::User& user : config->users) {
    Require(IsUserName(user.name), "an accepted user has a name");
    Require(CheckBcrypt(user.hash).has_value(), "an accepted user has a hash");
  }
  for (const auto& [name, value] : config->headers) {
    Require(value.find_first_of("\r\n") == std::string::npos, "a header is one line");
  }
  if (config->tls) {
    Require(!config->tls->cert_file.empty() && !config->tls->key_file.empty(),
            "TLS has a certificate and a key");
  }
  const auto again = ParseWebConfig(Encode(*config), "web.yml");
  Require(again && AreSame(*config, *again), "a web config written anew says the same");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
