#include "access/web_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "access/bcrypt.h"
#include "access/go_tls_names.h"
#include "access/yaml_form.h"

namespace target_eye {
namespace {

using ClientCertificate = TlsOptions::ClientCertificate;

struct ClientAuthType {
  std::string_view name;
  ClientCertificate value;
};
constexpr std::array kClientAuthTypes = {
    ClientAuthType{"NoClientCert", ClientCertificate::kNone},
    ClientAuthType{"RequestClientCert", ClientCertificate::kAsked},
    ClientAuthType{"RequireAnyClientCert", ClientCertificate::kNeeded},
    ClientAuthType{"VerifyClientCertIfGiven", ClientCertificate::kIfGiven},
    ClientAuthType{"RequireAndVerifyClientCert", ClientCertificate::kRequired},
};

struct HeaderRule {
  std::string_view name;
  std::string_view values;  // With a space between; empty: any.
};
constexpr std::array kHeaderRules = {
    HeaderRule{"Strict-Transport-Security", ""},
    HeaderRule{"X-Content-Type-Options", "nosniff"},
    HeaderRule{"X-Frame-Options", "deny sameorigin"},
    HeaderRule{"X-XSS-Protection", ""},
    HeaderRule{"Content-Security-Policy", ""},
};
constexpr std::size_t kMaxHeaderValueBytes = 4096;

bool IsHeaderValue(std::string_view value) {
  return value.size() <= kMaxHeaderValueBytes &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
}

class Reader {
 public:
  explicit Reader(const std::string& name)
      : form_(name), directory_(std::filesystem::path(name).parent_path()) {
    config_.name = name;
  }

  Expected<WebConfig> Read(const YamlNode& root) {
    form_.Map(root, "web config",
              {{"tls_server_config", [this](const auto& entry) { ReadTls(entry); }},
               {"http_server_config", [this](const auto& entry) { ReadHttp(entry.value); }},
               {"basic_auth_users", [this](const auto& entry) { ReadUsers(entry.value); }},
               {"rate_limit", [this](const auto& entry) {
                  form_.Fail(entry.line,
                             "rate_limit: is not taken; set CLIENT_RATE_LIMIT, which limits each "
                             "client, in its place");
                }}});
    if (form_.error()) return std::unexpected(*form_.error());
    for (const Entry& entry : root.map) {
      config_.names_users = config_.names_users || entry.key == "basic_auth_users";
    }
    config_.defines_something =
        config_.tls || !config_.headers.empty() || !config_.users.empty() || !config_.http2;
    if (config_.tls && !config_.http2) config_.tls->alpn_protocols = {"http/1.1"};
    return std::move(config_);
  }

 private:
  using Entry = YamlNode::Entry;

  void ReadTls(const Entry& section) {
    TlsOptions& tls = config_.tls.emplace();
    int ca_line = section.line;
    int sans_line = section.line;
    int max_line = section.line;
    const auto inline_pem = [this](const Entry& entry) {
      form_.Fail(entry.line,
                 fmt::format("{}: PEM inside of this file is not taken; expected {}_file",
                             entry.key, entry.key));
    };
    form_.Map(section.value, "tls_server_config",
              {{"cert_file", [&](const Entry& entry) { tls.cert_file = Path(entry); }},
               {"key_file", [&](const Entry& entry) { tls.key_file = Path(entry); }},
               {"client_auth_type",
                [&](const Entry& entry) { tls.client_certificate = ReadClientAuth(entry); }},
               {"client_ca_file",
                [&](const Entry& entry) {
                  tls.ca_file = Path(entry);
                  ca_line = entry.line;
                }},
               {"client_allowed_sans",
                [&](const Entry& entry) {
                  for (auto& item : form_.List(entry)) tls.allowed_sans.push_back(item.text);
                  sans_line = entry.line;
                }},
               {"min_version", [&](const Entry& entry) { tls.min_version = Version(entry); }},
               {"max_version",
                [&](const Entry& entry) {
                  tls.max_version = Version(entry);
                  max_line = entry.line;
                }},
               {"cipher_suites", [&](const Entry& entry) { ReadCiphers(entry, tls); }},
               {"prefer_server_cipher_suites", [&](const Entry& entry) { form_.Flag(entry); }},
               {"curve_preferences", [&](const Entry& entry) { ReadCurves(entry, tls); }},
               {"cert", inline_pem},
               {"key", inline_pem},
               {"client_ca", inline_pem}});
    if (tls.cert_file.empty()) Missing(section.line, "cert_file", "the file of the certificate");
    if (tls.key_file.empty()) Missing(section.line, "key_file", "the file of its key");
    if (tls.min_version > tls.max_version) {
      form_.Fail(max_line, "max_version: is below min_version; expected it not to be");
    }
    if (only_tls13_line_ != 0 && tls.min_version == 12) {
      form_.Fail(only_tls13_line_,
                 "cipher_suites: none is of TLS 1.2; expected one that is, or min_version: TLS13");
    }
    CheckClients(tls, section.line, ca_line, sans_line);
  }

  void Missing(int line, std::string_view key, std::string_view what) {
    form_.Fail(line, fmt::format("tls_server_config: has no {}; expected {}", key, what));
  }

  void CheckClients(const TlsOptions& tls, int line, int ca_line, int sans_line) {
    const auto kind = tls.client_certificate;
    const bool verifies =
        kind == ClientCertificate::kIfGiven || kind == ClientCertificate::kRequired;
    const bool demands = kind == ClientCertificate::kNeeded || kind == ClientCertificate::kRequired;
    if (verifies && tls.ca_file.empty()) {
      Missing(line, "client_ca_file", "the authorities that client_auth_type checks against");
    }
    if (kind == ClientCertificate::kNone && !tls.ca_file.empty()) {
      form_.Fail(ca_line,
                 "client_ca_file: client_auth_type asks for no certificates; expected "
                 "RequireAndVerifyClientCert or VerifyClientCertIfGiven");
    }
    if (!tls.allowed_sans.empty() && !demands) {
      form_.Fail(sans_line,
                 "client_allowed_sans: expected the client_auth_type RequireAndVerifyClientCert or "
                 "RequireAnyClientCert, since others let clients in that show no certificate");
    }
  }

  std::string Path(const Entry& entry) {
    const std::filesystem::path path = form_.Text(entry);
    return path.empty() || path.is_absolute() ? path.string() : (directory_ / path).string();
  }

  int Version(const Entry& entry) {
    const std::string text = form_.Text(entry);
    const int version = VersionOfGo(text);
    if (version >= 12) return version;
    form_.Fail(entry.value.line,
               fmt::format("{}: {}{}; expected TLS12 or TLS13", entry.key, Quote(text),
                           version == 0 ? "" : " is no longer safe"));
    return 12;
  }

  void ReadCiphers(const Entry& entry, TlsOptions& tls) {
    std::string tls12;
    for (const YamlForm::Item& item : form_.List(entry)) {
      const auto cipher = CipherOfGo(item.text);
      if (!cipher) {
        form_.Fail(item.line, fmt::format("cipher_suites: {}; expected a name of Go's that is "
                                          "safe, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                                          Quote(item.text)));
        return;
      }
      std::string& list = cipher->is_tls13 ? tls.cipher_suites : tls12;
      list += (list.empty() ? "" : ":") + std::string(cipher->name);
    }
    if (!tls12.empty()) tls.ciphers = tls12;
    if (tls12.empty() && !tls.cipher_suites.empty()) only_tls13_line_ = entry.line;
  }

  void ReadCurves(const Entry& entry, TlsOptions& tls) {
    for (const YamlForm::Item& item : form_.List(entry)) {
      const std::string_view curve = CurveOfGo(item.text);
      if (curve.empty()) {
        form_.Fail(item.line, fmt::format("curve_preferences: {}; expected CurveP256, CurveP384, "
                                          "CurveP521 or X25519",
                                          Quote(item.text)));
        return;
      }
      tls.curves += (tls.curves.empty() ? "" : ":") + std::string(curve);
    }
  }

  ClientCertificate ReadClientAuth(const Entry& entry) {
    const std::string text = form_.Text(entry);
    const auto type = std::ranges::find(kClientAuthTypes, text, &ClientAuthType::name);
    if (type != kClientAuthTypes.end()) return type->value;
    form_.Fail(entry.value.line,
               fmt::format("client_auth_type: {}; expected NoClientCert, RequestClientCert, "
                           "RequireAnyClientCert, VerifyClientCertIfGiven or "
                           "RequireAndVerifyClientCert",
                           Quote(text)));
    return ClientCertificate::kNone;
  }

  void ReadHttp(const YamlNode& section) {
    form_.Map(section, "http_server_config",
              {{"http2", [this](const Entry& entry) { config_.http2 = form_.Flag(entry); }},
               {"headers", [this](const Entry& entry) { ReadHeaders(entry.value); }}});
  }

  void ReadHeaders(const YamlNode& headers) {
    if (!form_.Expect(headers, YamlNode::Kind::kMap, "headers")) return;
    for (const Entry& entry : headers.map) {
      const auto rule = std::ranges::find(kHeaderRules, entry.key, &HeaderRule::name);
      if (rule == kHeaderRules.end()) {
        form_.Fail(entry.line,
                   fmt::format("headers: {} cannot be set here; expected one of "
                               "Strict-Transport-Security, X-Content-Type-Options, "
                               "X-Frame-Options, X-XSS-Protection, Content-Security-Policy",
                               Quote(entry.key)));
        return;
      }
      if (entry.value.kind == YamlNode::Kind::kNull) continue;
      std::string value = form_.Text(entry);
      if (value.empty()) continue;
      if (!rule->values.empty() && !IsAmong(value, rule->values)) {
        form_.Fail(entry.value.line, fmt::format("{}: {}; expected one of: {}", entry.key,
                                                 Quote(value), rule->values));
      }
      if (!IsHeaderValue(value)) {
        form_.Fail(entry.value.line,
                   fmt::format("{}: {}; expected at most {} bytes of printable ASCII", entry.key,
                               Quote(value), kMaxHeaderValueBytes));
      }
      config_.headers.emplace_back(entry.key, std::move(value));
    }
  }

  // `words` with a space between.
  static bool IsAmong(std::string_view word, std::string_view words) {
    return word.find(' ') == std::string_view::npos &&
           fmt::format(" {} ", words).find(fmt::format(" {} ", word)) != std::string::npos;
  }

  void ReadUsers(const YamlNode& users) {
    if (!form_.Expect(users, YamlNode::Kind::kMap, "basic_auth_users")) return;
    if (users.map.size() > kMaxUsers) {
      form_.Fail(users.line, fmt::format("basic_auth_users: has {} users, at most {} are allowed",
                                         users.map.size(), kMaxUsers));
    }
    for (const Entry& entry : users.map) {
      const std::string who = fmt::format("basic_auth_users: {}", Quote(entry.key));
      if (!IsUserName(entry.key)) {
        form_.Fail(entry.line, fmt::format("{}: expected a name of 1 to {} bytes, without colons "
                                           "and control characters",
                                           who, kMaxUserNameBytes));
      }
      if (!form_.Expect(entry.value, YamlNode::Kind::kScalar, who)) return;
      if (auto ok = CheckBcrypt(entry.value.scalar); !ok) {
        form_.Fail(entry.value.line, fmt::format("{}: {}", who, ok.error().message));
      }
      config_.users.push_back({entry.key, entry.value.scalar, entry.line});
    }
    std::ranges::sort(config_.users, {}, &WebConfig::User::name);
  }

  YamlForm form_;
  const std::filesystem::path directory_;
  WebConfig config_;
  int only_tls13_line_ = 0;  // Where cipher_suites is, if none of it is of TLS 1.2.
};

}  // namespace

bool IsUserName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxUserNameBytes &&
         std::ranges::none_of(name, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 || byte == 0x7F || c == ':';
         });
}

Expected<WebConfig> ParseWebConfig(std::string_view text, const std::string& name) {
  const auto root = ReadYamlTree(text, name);
  if (!root) return std::unexpected(root.error());
  return Reader(name).Read(*root);
}

Expected<WebConfig> LoadWebConfig(const std::string& path) {
  const auto text = ReadAccessText(path);
  if (!text) return std::unexpected(text.error());
  return ParseWebConfig(*text, path);
}

}  // namespace target_eye
