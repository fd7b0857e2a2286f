#include "tls/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tls/testing/handshake.h"
#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using ClientCertificate = TlsOptions::ClientCertificate;
using Client = TestHandshake::Client;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Making keys takes time: one of each for all tests.
const TestIdentity& Authority() {
  static const TestIdentity made({.common_name = "authority", .is_authority = true});
  return made;
}
const TestIdentity& Server() {
  static const TestIdentity made({.issuer = &Authority()});
  return made;
}
const TestIdentity& Rsa() {
  static const TestIdentity made({.is_rsa = true});
  return made;
}
const TestIdentity& Trusted() {
  static const TestIdentity made(
      {.common_name = "ci",
       .alternative_names =
           "DNS:ci.example,email:ci@example.org,IP:10.1.2.3,URI:spiffe://example/ci",
       .issuer = &Authority(),
       .serial = 7});
  return made;
}
const TestIdentity& Foreign() {
  static const TestIdentity made({.common_name = "ci", .alternative_names = "DNS:ci.example"});
  return made;
}

class TlsContextTest : public testing::Test {
 protected:
  void SetUp() override {
    Serve(Server());
    directory_.Write("ca.pem", Authority().CertificatePem());
  }

  void Serve(const TestIdentity& identity) {
    directory_.Write("tls.crt", identity.CertificatePem());
    directory_.Write("tls.key", identity.KeyPem());
    options_.cert_file = directory_ / "tls.crt";
    options_.key_file = directory_ / "tls.key";
  }

  void AskForCertificates(ClientCertificate mode) {
    options_.client_certificate = mode;
    options_.ca_file = directory_ / "ca.pem";
  }

  std::shared_ptr<const TlsContext> Load() {
    auto loaded = TlsContext::Load(options_);
    EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
    return loaded.value();
  }

  // What Load says is wrong.
  std::string Refusal() {
    const auto loaded = TlsContext::Load(options_);
    EXPECT_FALSE(loaded.has_value());
    if (loaded) return {};
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalid);
    return loaded.error().message;
  }

  bool Connects(const Client& client) { return TestHandshake(*Load(), client).Run(); }

  const TempDirectory directory_;
  TlsOptions options_;
};

TEST_F(TlsContextTest, Tls13IsTheDefault) {
  TestHandshake handshake(*Load(), {});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(SSL_version(handshake.client()), TLS1_3_VERSION);
}

TEST_F(TlsContextTest, Tls12IsSpoken) {
  TestHandshake handshake(*Load(), {.max_version = TLS1_2_VERSION});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(SSL_version(handshake.client()), TLS1_2_VERSION);
}

TEST_F(TlsContextTest, OlderVersionsAreNotSpokenWhateverTheSecurityLevel) {
  options_.ciphers = "ALL:!aNULL:!eNULL:!AESCCM8:@SECLEVEL=0";
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TestHandshake handshake(
        *Load(), {.min_version = version, .max_version = version, .ciphers = "ALL:@SECLEVEL=0"});
    EXPECT_FALSE(handshake.Run());
    EXPECT_THAT(handshake.reason(), HasSubstr("protocol version"));
  }
}

TEST_F(TlsContextTest, VersionsCanBeNarrowed) {
  options_.min_version = 13;
  EXPECT_FALSE(Connects({.max_version = TLS1_2_VERSION}));
  EXPECT_TRUE(Connects({}));
  options_.min_version = options_.max_version = 12;
  EXPECT_FALSE(Connects({.min_version = TLS1_3_VERSION}));
  EXPECT_TRUE(Connects({}));
}

TEST_F(TlsContextTest, TheServerChoosesTheCipher) {
  options_.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
  TestHandshake handshake(
      *Load(), {.max_version = TLS1_2_VERSION,
                .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(handshake.Cipher(), "ECDHE-ECDSA-AES256-GCM-SHA384");
}

TEST_F(TlsContextTest, ByDefaultOnlyForwardSecretAuthenticatedCiphersAreSpoken) {
  Serve(Rsa());
  for (const char* cipher : {"AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256",
                             "ECDHE-RSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA"}) {
    EXPECT_FALSE(Connects({.max_version = TLS1_2_VERSION, .ciphers = cipher})) << cipher;
  }
  for (const char* cipher : {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"}) {
    EXPECT_TRUE(Connects({.max_version = TLS1_2_VERSION, .ciphers = cipher})) << cipher;
  }
}

TEST_F(TlsContextTest, CipherSuitesOfTls13CanBeNarrowed) {
  options_.cipher_suites = "TLS_CHACHA20_POLY1305_SHA256";
  TestHandshake handshake(*Load(), {});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(handshake.Cipher(), "TLS_CHACHA20_POLY1305_SHA256");
}

TEST_F(TlsContextTest, CurvesCanBeNarrowed) {
  options_.curves = "P-384";
  EXPECT_FALSE(Connects({.curves = "X25519"}));
  EXPECT_TRUE(Connects({.curves = "X25519:P-384"}));
}

TEST_F(TlsContextTest, AClientCannotAskForFiniteFields) {
  EXPECT_FALSE(Connects({.curves = "ffdhe8192"}));
  EXPECT_TRUE(Connects({.curves = "ffdhe8192:P-521"}));
}

TEST_F(TlsContextTest, ClientsCannotRenegotiate) {
  TestHandshake handshake(*Load(), {.max_version = TLS1_2_VERSION});
  ASSERT_TRUE(handshake.Run());
  SSL_renegotiate(handshake.client());
  SSL_do_handshake(handshake.client());
  char byte = 0;
  EXPECT_EQ(SSL_read(handshake.server(), &byte, 1), -1);
  EXPECT_EQ(SSL_do_handshake(handshake.client()), -1);
  EXPECT_STREQ(ERR_reason_error_string(ERR_peek_last_error()), "no renegotiation");
  ERR_clear_error();
}

TEST_F(TlsContextTest, AlpnTakesTheFirstOfOursThatTheClientHas) {
  TestHandshake handshake(*Load(), {.alpn = "\x08http/1.1\x02h2"});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(handshake.Alpn(), "h2");
  options_.alpn_protocols = {"http/1.1"};
  TestHandshake narrowed(*Load(), {.alpn = "\x02h2\x08http/1.1"});
  ASSERT_TRUE(narrowed.Run());
  EXPECT_EQ(narrowed.Alpn(), "http/1.1");
}

TEST_F(TlsContextTest, AClientWithoutAlpnGoesOnWithoutIt) {
  TestHandshake handshake(*Load(), {});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(handshake.Alpn(), "");
}

TEST_F(TlsContextTest, AlpnWithNothingInCommonIsTold) {
  TestHandshake handshake(*Load(), {.alpn = "\x06spdy/3"});
  EXPECT_FALSE(handshake.Run());
  EXPECT_THAT(handshake.reason(), HasSubstr("no application protocol"));
}

TEST_F(TlsContextTest, WithoutProtocolsAlpnIsIgnored) {
  options_.alpn_protocols = {};
  TestHandshake handshake(*Load(), {.alpn = "\x06spdy/3"});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(handshake.Alpn(), "");
}

// Clients.

struct ModeCase {
  ClientCertificate mode;
  bool without, foreign, is_known;  // Whether they get in; whether the trusted one is known.
};

class TlsClientModeTest : public TlsContextTest, public testing::WithParamInterface<ModeCase> {};

TEST_P(TlsClientModeTest, LetsInWhomItShould) {
  AskForCertificates(GetParam().mode);
  const auto context = Load();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TestHandshake without(*context, {.max_version = version});
    EXPECT_EQ(without.Run(), GetParam().without);
    EXPECT_FALSE(PeerCertificateOf(without.server()));
    TestHandshake foreign(*context, {.max_version = version, .identity = &Foreign()});
    EXPECT_EQ(foreign.Run(), GetParam().foreign);
    EXPECT_FALSE(PeerCertificateOf(foreign.server()));
    TestHandshake trusted(*context, {.max_version = version, .identity = &Trusted()});
    ASSERT_TRUE(trusted.Run());
    const auto peer = PeerCertificateOf(trusted.server());
    ASSERT_EQ(peer.has_value(), GetParam().is_known);
    if (peer) {
      EXPECT_EQ(peer->common_name, "ci");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, TlsClientModeTest,
                         testing::Values(ModeCase{ClientCertificate::kNone, true, true, false},
                                         ModeCase{ClientCertificate::kAsked, true, true, false},
                                         ModeCase{ClientCertificate::kNeeded, false, true, false},
                                         ModeCase{ClientCertificate::kIfGiven, true, false, true},
                                         ModeCase{ClientCertificate::kRequired, false, false,
                                                  true}));

TEST_F(TlsContextTest, ClientsAreToldWhichAuthoritiesAreTrusted) {
  AskForCertificates(ClientCertificate::kRequired);
  TestHandshake handshake(*Load(), {.identity = &Trusted()});
  ASSERT_TRUE(handshake.Run());
  const auto* const names = SSL_get0_peer_CA_list(handshake.client());
  ASSERT_EQ(sk_X509_NAME_num(names), 1);
  EXPECT_EQ(
      X509_NAME_cmp(sk_X509_NAME_value(names, 0), X509_get_subject_name(Authority().certificate())),
      0);
}

TEST_F(TlsContextTest, AnExpiredClientCertificateIsRefused) {
  AskForCertificates(ClientCertificate::kIfGiven);
  const TestIdentity expired({.issuer = &Authority(), .valid_seconds = -60});
  EXPECT_FALSE(Connects({.identity = &expired}));
}

TEST_F(TlsContextTest, AnyOfTheAllowedNamesLetsIn) {
  AskForCertificates(ClientCertificate::kRequired);
  for (const char* name : {"ci.example", "ci@example.org", "10.1.2.3", "spiffe://example/ci"}) {
    options_.allowed_sans = {"other.example", name};
    EXPECT_TRUE(Connects({.identity = &Trusted()})) << name;
  }
}

TEST_F(TlsContextTest, ATrustedCertificateWithoutAnAllowedNameIsRefused) {
  AskForCertificates(ClientCertificate::kRequired);
  for (const char* name : {"other.example", "ci", "CI.example", "xci.example", "10.1.2.30"}) {
    options_.allowed_sans = {name};
    EXPECT_FALSE(Connects({.identity = &Trusted()})) << name;
  }
}

TEST_F(TlsContextTest, AllowedNamesCountWithoutACheckToo) {
  AskForCertificates(ClientCertificate::kNeeded);
  options_.allowed_sans = {"ci.example"};
  EXPECT_TRUE(Connects({.identity = &Foreign()}));
  options_.allowed_sans = {"other.example"};
  EXPECT_FALSE(Connects({.identity = &Foreign()}));
}

TEST_F(TlsContextTest, AnAllowedNameDoesNotReplaceTheCheck) {
  AskForCertificates(ClientCertificate::kRequired);
  options_.allowed_sans = {"ci.example"};
  EXPECT_FALSE(Connects({.identity = &Foreign()}));
}

TEST_F(TlsContextTest, RevokedCertificatesAreRefused) {
  AskForCertificates(ClientCertificate::kRequired);
  for (const char* flag : {"VERIFY_CRL_CHECK_LEAF", "VerifyFlags.VERIFY_CRL_CHECK_CHAIN"}) {
    options_.verify_flags = {flag};
    directory_.Write("ca.pem", Authority().CertificatePem() + Authority().RevocationsPem({7}));
    EXPECT_FALSE(Connects({.identity = &Trusted()})) << flag;
    directory_.Write("ca.pem", Authority().CertificatePem() + Authority().RevocationsPem({8}));
    EXPECT_TRUE(Connects({.identity = &Trusted()})) << flag;
  }
}

TEST_F(TlsContextTest, WithoutARevocationListNobodyIsKnownNotToBeRevoked) {
  AskForCertificates(ClientCertificate::kRequired);
  options_.verify_flags = {"VERIFY_X509_TRUSTED_FIRST", "VERIFY_CRL_CHECK_LEAF"};
  EXPECT_FALSE(Connects({.identity = &Trusted()}));
}

TEST_F(TlsContextTest, WithAPartialChainAnIntermediateIsTrusted) {
  const TestIdentity middle(
      {.common_name = "middle", .issuer = &Authority(), .is_authority = true});
  const TestIdentity leaf({.common_name = "ci", .issuer = &middle});
  AskForCertificates(ClientCertificate::kRequired);
  directory_.Write("ca.pem", middle.CertificatePem());
  EXPECT_FALSE(Connects({.identity = &leaf}));
  options_.verify_flags = {"VERIFY_X509_PARTIAL_CHAIN"};
  EXPECT_TRUE(Connects({.identity = &leaf}));
}

class TlsResumptionTest : public TlsContextTest, public testing::WithParamInterface<int> {};

TEST_P(TlsResumptionTest, ASessionWithAClientCertificateIsResumedAndStillKnown) {
  AskForCertificates(ClientCertificate::kRequired);
  const auto context = Load();
  TestHandshake first(*context, {.max_version = GetParam(), .identity = &Trusted()});
  ASSERT_TRUE(first.Run());
  const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session(
      SSL_get1_session(first.client()), SSL_SESSION_free);
  TestHandshake second(*context, {.max_version = GetParam(), .resume = session.get()});
  ASSERT_TRUE(second.Run());
  EXPECT_EQ(SSL_session_reused(second.client()), 1);
  const auto peer = PeerCertificateOf(second.server());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->common_name, "ci");
}

INSTANTIATE_TEST_SUITE_P(Versions, TlsResumptionTest,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_F(TlsContextTest, ASessionIsNotResumedByAnotherContext) {
  TestHandshake first(*Load(), {});
  ASSERT_TRUE(first.Run());
  const std::unique_ptr<SSL_SESSION, void (*)(SSL_SESSION*)> session(
      SSL_get1_session(first.client()), SSL_SESSION_free);
  TestHandshake second(*Load(), {.resume = session.get()});
  ASSERT_TRUE(second.Run());
  EXPECT_EQ(SSL_session_reused(second.client()), 0);
}

TEST_F(TlsContextTest, AConnectionOutlivesItsContext) {
  AskForCertificates(ClientCertificate::kRequired);
  auto context = Load();
  TestHandshake handshake(*context, {.alpn = "\x02h2", .identity = &Trusted()});
  context.reset();
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(handshake.Alpn(), "h2");
  EXPECT_TRUE(PeerCertificateOf(handshake.server()));
}

// Files.

TEST_F(TlsContextTest, TheChainIsSent) {
  directory_.Write("tls.crt", Server().CertificatePem() + Authority().CertificatePem());
  TestHandshake handshake(*Load(), {});
  ASSERT_TRUE(handshake.Run());
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(handshake.client())), 2);
}

TEST_F(TlsContextTest, TheFirstExpiryInTheChainCounts) {
  const auto in_hours = [](long hours) {
    return std::chrono::system_clock::now() + std::chrono::hours(hours);
  };
  EXPECT_GT(Load()->not_after(), in_hours(23));
  EXPECT_LT(Load()->not_after(), in_hours(25));
  const TestIdentity middle({.common_name = "middle", .is_authority = true, .valid_seconds = 7200});
  directory_.Write("tls.crt", Server().CertificatePem() + middle.CertificatePem());
  EXPECT_LT(Load()->not_after(), in_hours(3));
}

TEST_F(TlsContextTest, AnExpiredCertificateLoads) {
  Serve(TestIdentity({.valid_seconds = -60}));
  EXPECT_LT(Load()->not_after(), std::chrono::system_clock::now());
}

TEST_F(TlsContextTest, AnEncryptedKeyIsOpenedByItsPassword) {
  directory_.Write("tls.key", Server().KeyPem("open sesame"));
  options_.key_password = "open sesame";
  EXPECT_TRUE(Connects({}));
}

TEST_F(TlsContextTest, AnEncryptedKeyWithoutAPasswordIsNamed) {
  directory_.Write("tls.key", Server().KeyPem("open sesame"));
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("tls.key: "), HasSubstr("set KEYFILE_PASSWORD")));
}

TEST_F(TlsContextTest, AWrongPasswordIsNotTold) {
  directory_.Write("tls.key", Server().KeyPem("open sesame"));
  for (const std::string& password : {std::string("guess"), std::string(5000, 'x')}) {
    options_.key_password = password;
    EXPECT_THAT(Refusal(), AllOf(HasSubstr("tls.key: KEYFILE_PASSWORD does not open the key"),
                                 Not(HasSubstr(password))));
  }
}

TEST_F(TlsContextTest, FilesThatAreNotThereAreNamed) {
  AskForCertificates(ClientCertificate::kRequired);
  for (const char* name : {"ca.pem", "tls.key", "tls.crt"}) {
    std::filesystem::remove(directory_ / name);
    EXPECT_THAT(Refusal(),
                AllOf(HasSubstr(directory_ / name), HasSubstr("No such file or directory")));
  }
}

TEST_F(TlsContextTest, ADirectoryIsNoFile) {
  options_.cert_file = directory_.path();
  EXPECT_THAT(Refusal(), HasSubstr("expected a certificate in PEM"));
}

TEST_F(TlsContextTest, WhatIsNoPemIsNamed) {
  AskForCertificates(ClientCertificate::kRequired);
  directory_.Write("ca.pem", "authority\n");
  EXPECT_THAT(Refusal(), HasSubstr("ca.pem: expected certificates in PEM"));
  directory_.Write("tls.key", Server().CertificatePem());
  EXPECT_THAT(Refusal(), HasSubstr("tls.key: expected a private key in PEM"));
  directory_.Write("tls.crt", Server().KeyPem());
  EXPECT_THAT(Refusal(), HasSubstr("tls.crt: expected a certificate in PEM"));
}

TEST_F(TlsContextTest, ATornCertificateIsRefused) {
  const std::string whole = Server().CertificatePem();
  directory_.Write("tls.crt", whole.substr(0, whole.size() / 2));
  EXPECT_THAT(Refusal(), HasSubstr("tls.crt: expected a certificate in PEM"));
  directory_.Write("tls.crt", whole + whole.substr(0, whole.size() / 2));
  EXPECT_THAT(Refusal(), HasSubstr("tls.crt: expected a certificate in PEM"));
}

TEST_F(TlsContextTest, ARevocationListAloneIsNoAuthority) {
  AskForCertificates(ClientCertificate::kRequired);
  directory_.Write("ca.pem", Authority().RevocationsPem({}));
  EXPECT_THAT(Refusal(), HasSubstr("ca.pem: expected certificates in PEM"));
}

TEST_F(TlsContextTest, AKeyOfAnotherCertificateIsRefused) {
  for (const TestIdentity* other : {&Trusted(), &Rsa()}) {
    directory_.Write("tls.key", other->KeyPem());
    EXPECT_THAT(Refusal(),
                AllOf(HasSubstr("tls.key: the key does not belong to the certificate in "),
                      HasSubstr("tls.crt")));
  }
}

TEST_F(TlsContextTest, AWeakKeyIsRefusedByName) {
  // 1,024 bits are below OpenSSL's security level 2, which CIPHERS asks for here.
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_RSA_gen(1024), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> weak(X509_dup(Rsa().certificate()), X509_free);
  X509_set_pubkey(weak.get(), key.get());
  X509_sign(weak.get(), key.get(), EVP_sha256());
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new_file((directory_ / "tls.crt").c_str(), "w"),
                                                BIO_free);
  PEM_write_bio_X509(out.get(), weak.get());
  BIO_flush(out.get());
  options_.ciphers += ":@SECLEVEL=2";
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("tls.crt: "), HasSubstr("key too small")));
}

// Settings.

TEST_F(TlsContextTest, AuthoritiesAreNeededToCheckClients) {
  for (const auto mode : {ClientCertificate::kIfGiven, ClientCertificate::kRequired}) {
    options_.client_certificate = mode;
    EXPECT_THAT(Refusal(), HasSubstr("CA_CERTS (or client_ca_file) is not set"));
  }
}

TEST_F(TlsContextTest, UnknownCiphersAreRefused) {
  for (const char* ciphers : {"ROT13", "", "ECDHE+AESGCM:!ALL"}) {
    options_.ciphers = ciphers;
    EXPECT_THAT(Refusal(), AllOf(HasSubstr("CIPHERS: "), HasSubstr("that OpenSSL knows")));
  }
}

TEST_F(TlsContextTest, CiphersThatDoNotEncryptOrAuthenticateAreRefused) {
  for (const auto& [ciphers, named] : {std::pair("ECDHE+AESGCM:NULL-SHA256", "NULL-SHA256"),
                                       std::pair("ECDHE+AESGCM:ADH-AES128-SHA", "ADH-AES128-SHA"),
                                       std::pair("aNULL", "ADH-"), std::pair("eNULL", "NULL")}) {
    options_.ciphers = ciphers;
    EXPECT_THAT(Refusal(), AllOf(HasSubstr("CIPHERS: "), HasSubstr(named),
                                 HasSubstr("expected ciphers that encrypt and authenticate")));
  }
}

TEST_F(TlsContextTest, UnknownCipherSuitesAreRefused) {
  options_.cipher_suites = "TLS_ROT13";
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("TLS_ROT13"), HasSubstr("TLS 1.3 cipher suites")));
}

TEST_F(TlsContextTest, UnknownCurvesAreRefused) {
  options_.curves = "P-257";
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("P-257"), HasSubstr("expected a list of curves")));
}

TEST_F(TlsContextTest, UnknownProtocolsAreRefused) {
  options_.alpn_protocols = {"h2", "h3"};
  EXPECT_THAT(Refusal(), HasSubstr("ALPN_PROTOCOLS: \"h3\": expected h2 or http/1.1"));
}

TEST_F(TlsContextTest, UnknownFlagsAreRefusedEvenWhereNobodyIsAsked) {
  options_.verify_flags = {"VERIFY_CRL_CHECK_LEAF", "VERIFY_NOTHING"};
  EXPECT_THAT(Refusal(), HasSubstr("VERIFY_FLAGS: \"VERIFY_NOTHING\": expected names such as"));
}

}  // namespace
}  // namespace target_eye
