#include "access/web_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using ClientCertificate = TlsOptions::ClientCertificate;

constexpr std::string_view kHash = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

std::string ErrorOf(std::string_view text) {
  const auto config = ParseWebConfig(text, "dir/web.yml");
  return config ? std::string() : config.error().message;
}

WebConfig Parsed(std::string_view text) {
  auto config = ParseWebConfig(text, "dir/web.yml");
  EXPECT_TRUE(config) << config.error().message;
  return config ? *std::move(config) : WebConfig{};
}

// A tls_server_config of `rest` beside certificate and key.
std::string Tls(std::string_view rest) {
  return "tls_server_config:\n  cert_file: c\n  key_file: k\n" + std::string(rest);
}

TEST(WebConfigTest, NothingIsAllDefaults) {
  for (const char* text : {"", "# nothing\n", "tls_server_config:\nbasic_auth_users:\n", "{}"}) {
    const WebConfig config = Parsed(text);
    EXPECT_FALSE(config.tls) << text;
    EXPECT_TRUE(config.http2) << text;
    EXPECT_THAT(config.users, IsEmpty()) << text;
  }
}

TEST(WebConfigTest, EveryKeyIsRead) {
  const WebConfig config = Parsed(
      "tls_server_config:\n"
      "  cert_file: server.crt\n"
      "  key_file: /etc/server.key\n"
      "  client_auth_type: RequireAndVerifyClientCert\n"
      "  client_ca_file: ca.pem\n"
      "  client_allowed_sans: [a.example, 10.0.0.1]\n"
      "  min_version: TLS12\n"
      "  max_version: TLS13\n"
      "  cipher_suites:\n"
      "    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\n"
      "    - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\n"
      "    - TLS_AES_128_GCM_SHA256\n"
      "  prefer_server_cipher_suites: false\n"
      "  curve_preferences: [X25519, CurveP256]\n"
      "http_server_config:\n"
      "  http2: false\n"
      "  headers:\n"
      "    Content-Security-Policy: default-src 'self'\n"
      "    X-Frame-Options: deny\n"
      "    X-XSS-Protection:\n"
      "basic_auth_users:\n"
      "  bob: " +
      std::string(kHash) +
      "\n"
      "  alice: " +
      std::string(kHash) + "\n");
  ASSERT_TRUE(config.tls);
  EXPECT_EQ(config.tls->cert_file, "dir/server.crt");
  EXPECT_EQ(config.tls->key_file, "/etc/server.key");
  EXPECT_EQ(config.tls->ca_file, "dir/ca.pem");
  EXPECT_EQ(config.tls->client_certificate, ClientCertificate::kRequired);
  EXPECT_THAT(config.tls->allowed_sans, ElementsAre("a.example", "10.0.0.1"));
  EXPECT_EQ(config.tls->ciphers, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(config.tls->cipher_suites, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(config.tls->curves, "X25519:P-256");
  EXPECT_THAT(config.tls->alpn_protocols, ElementsAre("http/1.1"));
  EXPECT_FALSE(config.http2);
  EXPECT_THAT(config.headers, ElementsAre(Pair("Content-Security-Policy", "default-src 'self'"),
                                          Pair("X-Frame-Options", "deny")));
  EXPECT_THAT(config.users, ElementsAre(WebConfig::User{"alice", std::string(kHash), 23},
                                        WebConfig::User{"bob", std::string(kHash), 22}));
}

TEST(WebConfigTest, EachClientAuthTypeIsItsOwn) {
  const auto type = [](const std::string& name, std::string_view ca) {
    const WebConfig config = Parsed(Tls("  client_auth_type: " + name + "\n" + std::string(ca)));
    return config.tls->client_certificate;
  };
  constexpr std::string_view kCa = "  client_ca_file: ca\n";
  EXPECT_EQ(type("NoClientCert", ""), ClientCertificate::kNone);
  EXPECT_EQ(type("RequestClientCert", ""), ClientCertificate::kAsked);
  EXPECT_EQ(type("RequireAnyClientCert", ""), ClientCertificate::kNeeded);
  EXPECT_EQ(type("VerifyClientCertIfGiven", kCa), ClientCertificate::kIfGiven);
  EXPECT_EQ(type("RequireAndVerifyClientCert", kCa), ClientCertificate::kRequired);
}

TEST(WebConfigTest, WrongKeysAndTypesAreNamedWithFileAndLine) {
  EXPECT_EQ(ErrorOf("http_server_config:\n  http3: true\n"),
            "dir/web.yml:2: http_server_config: unknown key \"http3\"; expected one of http2, "
            "headers");
  EXPECT_THAT(ErrorOf("basic_auth_user: {}\n"),
              StartsWith("dir/web.yml:1: web config: unknown key \"basic_auth_user\""));
  EXPECT_THAT(ErrorOf("a: 1\na: 2\n"), StartsWith("dir/web.yml:2: key \"a\": is here twice"));
  EXPECT_EQ(ErrorOf("- a\n"), "dir/web.yml:1: web config: expected a map, found a list");
  EXPECT_EQ(ErrorOf("http_server_config:\n  http2: yes\n"),
            "dir/web.yml:2: http2: expected true or false");
  EXPECT_EQ(ErrorOf(Tls("  cipher_suites: a\n")),
            "dir/web.yml:4: cipher_suites: expected a list, found text");
  EXPECT_EQ(ErrorOf("tls_server_config:\n  cert_file: [a]\n"),
            "dir/web.yml:2: cert_file: expected text, found a list");
  EXPECT_THAT(ErrorOf("rate_limit: {}\n"), HasSubstr("set CLIENT_RATE_LIMIT"));
  EXPECT_THAT(ErrorOf("a: &x b\n"), StartsWith("dir/web.yml:1: anchor"));
}

TEST(WebConfigTest, TlsWithoutCertificateOrKeyIsRefused) {
  EXPECT_EQ(ErrorOf("\ntls_server_config:\n  key_file: k\n"),
            "dir/web.yml:2: tls_server_config: has no cert_file; expected the file of the "
            "certificate");
  EXPECT_EQ(ErrorOf("tls_server_config: {cert_file: c}\n"),
            "dir/web.yml:1: tls_server_config: has no key_file; expected the file of its key");
  EXPECT_THAT(ErrorOf("tls_server_config: {}\n"), HasSubstr("has no cert_file"));
  EXPECT_THAT(ErrorOf("tls_server_config:\n  cert: PEM\n"), HasSubstr("expected cert_file"));
  EXPECT_THAT(ErrorOf("tls_server_config:\n  key: PEM\n"), HasSubstr("expected key_file"));
  EXPECT_THAT(ErrorOf("tls_server_config:\n  client_ca: PEM\n"),
              HasSubstr("expected client_ca_file"));
}

TEST(WebConfigTest, WhatCannotProtectAnythingIsRefused) {
  EXPECT_THAT(ErrorOf(Tls("  client_auth_type: VerifyClientCertIfGiven\n")),
              HasSubstr("web.yml:1: tls_server_config: has no client_ca_file"));
  EXPECT_THAT(ErrorOf(Tls("  client_ca_file: ca\n")),
              HasSubstr("web.yml:4: client_ca_file: client_auth_type asks for no certificates"));
  EXPECT_THAT(ErrorOf(Tls("  client_allowed_sans: [a]\n")),
              HasSubstr("web.yml:4: client_allowed_sans: expected the client_auth_type"));
  EXPECT_THAT(ErrorOf(Tls("  client_auth_type: Always\n")),
              HasSubstr("web.yml:4: client_auth_type: \"Always\"; expected NoClientCert"));
}

TEST(WebConfigTest, VersionsCiphersAndCurvesAreGosOwn) {
  EXPECT_THAT(ErrorOf(Tls("  min_version: TLS11\n")),
              EndsWith("web.yml:4: min_version: \"TLS11\" is no longer safe; expected TLS12 or "
                       "TLS13"));
  EXPECT_THAT(ErrorOf(Tls("  max_version: TLS14\n")),
              EndsWith("web.yml:4: max_version: \"TLS14\"; expected TLS12 or TLS13"));
  EXPECT_THAT(ErrorOf(Tls("  min_version: TLS13\n  max_version: TLS12\n")),
              HasSubstr("web.yml:5: max_version: is below min_version"));
  EXPECT_THAT(ErrorOf(Tls("  cipher_suites:\n    - TLS_RSA_WITH_RC4_128_SHA\n")),
              HasSubstr("web.yml:5: cipher_suites: \"TLS_RSA_WITH_RC4_128_SHA\"; expected"));
  EXPECT_THAT(ErrorOf(Tls("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n")),
              HasSubstr("web.yml:4: cipher_suites: none is of TLS 1.2"));
  EXPECT_EQ(ErrorOf(Tls("  cipher_suites: [TLS_AES_128_GCM_SHA256]\n  min_version: TLS13\n")), "");
  EXPECT_THAT(ErrorOf(Tls("  curve_preferences: [P256]\n")),
              HasSubstr("web.yml:4: curve_preferences: \"P256\"; expected CurveP256"));
}

TEST(WebConfigTest, OnlyTheToolkitsHeadersCanBeSet) {
  const auto header = [](std::string_view line) {
    return ErrorOf("http_server_config:\n  headers:\n    " + std::string(line) + "\n");
  };
  EXPECT_THAT(header("Server: mine"), HasSubstr("web.yml:3: headers: \"Server\" cannot be set"));
  EXPECT_THAT(header("x-frame-options: deny"), HasSubstr("cannot be set"));
  EXPECT_THAT(header("X-Frame-Options: allow"),
              HasSubstr("web.yml:3: X-Frame-Options: \"allow\"; expected one of: deny sameorigin"));
  EXPECT_THAT(header("X-Content-Type-Options: sniff"), HasSubstr("expected one of: nosniff"));
  EXPECT_THAT(header("Content-Security-Policy: \"a\\r\\nSet-Cookie: b\""),
              HasSubstr("printable ASCII"));
  EXPECT_EQ(header("Strict-Transport-Security: max-age=31536000"), "");
  EXPECT_EQ(header("X-Frame-Options: \"\""), "");
}

TEST(WebConfigTest, UserWithoutBcryptIsRefusedAndItsHashNotShown) {
  const auto user = [](std::string_view line) {
    return ErrorOf("basic_auth_users:\n  " + std::string(line) + "\n");
  };
  EXPECT_THAT(user("alice: secret"),
              HasSubstr("web.yml:2: basic_auth_users: \"alice\": is no bcrypt hash; expected"));
  EXPECT_THAT(user("alice: secret"), Not(HasSubstr("secret")));
  EXPECT_THAT(user("alice: $2y$17$" + std::string(kHash.substr(7))),
              HasSubstr("has the bcrypt cost 17; expected 4 to 16"));
  EXPECT_THAT(user("alice:"), HasSubstr("expected text, found nothing"));
  EXPECT_THAT(user("\"a:b\": " + std::string(kHash)), HasSubstr("without colons"));
  EXPECT_THAT(user("\"\": " + std::string(kHash)), HasSubstr("expected a name"));
  EXPECT_THAT(user("\"a\\nb\": " + std::string(kHash)), HasSubstr("expected a name"));
}

TEST(WebConfigTest, MoreThanTenThousandUsersAreRefused) {
  std::string text = "basic_auth_users:\n";
  for (int i = 0; i < 10'000; ++i)
    text += "  u" + std::to_string(i) + ": " + std::string(kHash) + "\n";
  EXPECT_EQ(ErrorOf(text), "");
  text += "  one: " + std::string(kHash) + "\n";
  EXPECT_THAT(ErrorOf(text), HasSubstr("has 10001 users, at most 10000 are allowed"));
}

TEST(WebConfigTest, FileThatCannotBeReadOrIsTooLargeIsNamed) {
  const TempDirectory directory;
  const std::string path = directory / "web.yml";
  const auto missing = LoadWebConfig(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, path + ": cannot be read: No such file or directory");
  std::ofstream(path) << std::string((1 << 20) + 1, '#');
  const auto large = LoadWebConfig(path);
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("is larger than the 1048576 bytes"));
  std::ofstream(path) << "http_server_config: {http2: false}\n";
  const auto config = LoadWebConfig(path);
  ASSERT_TRUE(config);
  EXPECT_FALSE(config->http2);
}

}  // namespace
}  // namespace target_eye
