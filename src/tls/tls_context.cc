#include "tls/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string_view>
#include <system_error>
#include <utility>

#include "tls/certificate_names.h"

namespace target_eye {
namespace {

using ClientCertificate = TlsOptions::ClientCertificate;
using FilePtr = std::unique_ptr<FILE, int (*)(FILE*)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;

// Sessions that clients may resume; kept here and not in tickets, whose one key would open them
// all.
constexpr long kKeptSessions = 4096;
constexpr long kSessionSeconds = 3600;

// OpenSSL's own list has finite-field groups too, by which a client could make us work hard.
constexpr const char* kCurves = "X25519:P-256:P-384:P-521";

// What OpenSSL found last, in its own words; the queue is empty afterwards.
std::string Reason() {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "unknown reason" : reason;
}

std::unexpected<Error> Wrong(std::string message) {
  ERR_clear_error();
  return std::unexpected(Error{ErrorCode::kInvalid, std::move(message)});
}

// A PEM file that can be read, or why not.
Expected<FilePtr> OpenPem(const std::string& path, std::string_view what) {
  FilePtr file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) {
    return Wrong(fmt::format("{}: {} cannot be read: {}", path, what,
                             std::generic_category().message(errno)));
  }
  return file;
}

// OpenSSL's own way to a password is to ask on the terminal.
void NeverAsk() {
  static const bool once = [] {
    UI_METHOD* const method = UI_create_method("never ask");
    UI_method_set_opener(method, [](UI* /*question*/) { return 0; });
    UI_set_default_method(method);
    return true;
  }();
  static_cast<void>(once);
}

int GivePassword(char* buffer, int size, int /*encrypts*/, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  return static_cast<int>(text.copy(buffer, text.size()));
}

Expected<KeyPtr> LoadKey(const std::string& path, std::string password) {
  auto file = OpenPem(path, "the key");
  if (!file) return std::unexpected(std::move(file.error()));
  KeyPtr key(PEM_read_PrivateKey(file->get(), nullptr, GivePassword, &password), EVP_PKEY_free);
  if (key != nullptr) return key;
  std::string text(1 << 16, '\0');
  if (std::fseek(file->get(), 0, SEEK_SET) != 0) text.clear();
  text.resize(std::fread(text.data(), 1, text.size(), file->get()));
  if (text.contains("ENCRYPTED")) {
    return Wrong(password.empty()
                     ? fmt::format("{}: the key is encrypted; set KEYFILE_PASSWORD", path)
                     : fmt::format("{}: KEYFILE_PASSWORD does not open the key", path));
  }
  return Wrong(fmt::format("{}: expected a private key in PEM", path));
}

std::chrono::system_clock::time_point NotAfter(const X509* certificate) {
  std::tm time{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return {};
  return std::chrono::system_clock::from_time_t(timegm(&time));
}

struct VerifyFlag {
  std::string_view name;  // As Python's ssl.VerifyFlags has it.
  unsigned long flags;
};
constexpr std::array kVerifyFlags = {
    VerifyFlag{"VERIFY_DEFAULT", 0},
    VerifyFlag{"VERIFY_CRL_CHECK_LEAF", X509_V_FLAG_CRL_CHECK},
    VerifyFlag{"VERIFY_CRL_CHECK_CHAIN", X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL},
    VerifyFlag{"VERIFY_X509_STRICT", X509_V_FLAG_X509_STRICT},
    VerifyFlag{"VERIFY_ALLOW_PROXY_CERTS", X509_V_FLAG_ALLOW_PROXY_CERTS},
    VerifyFlag{"VERIFY_X509_TRUSTED_FIRST", X509_V_FLAG_TRUSTED_FIRST},
    VerifyFlag{"VERIFY_X509_PARTIAL_CHAIN", X509_V_FLAG_PARTIAL_CHAIN},
};

Expected<unsigned long> FlagsOf(const std::vector<std::string>& names) {
  unsigned long flags = 0;
  for (std::string_view name : names) {
    if (name.starts_with("VerifyFlags.")) name.remove_prefix(12);
    const auto* const found = std::ranges::find(kVerifyFlags, name, &VerifyFlag::name);
    if (found == kVerifyFlags.end()) {
      return Wrong(fmt::format("VERIFY_FLAGS: {}: expected names such as VERIFY_CRL_CHECK_LEAF",
                               Quote(name)));
    }
    flags |= found->flags;
  }
  return flags;
}

// The first cipher that protects nothing or lets anybody pretend to be us; null if there is none.
const char* UnsafeCipher(const SSL_CTX* context) {
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    if (SSL_CIPHER_get_bits(cipher, nullptr) < 112 ||
        SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null) {
      return SSL_CIPHER_get_name(cipher);
    }
  }
  return nullptr;
}

// What a handshake asks us; kept by the SSL_CTX, so that a connection has it to its end.
struct Rules {
  bool checks_clients = false;
  std::vector<std::string> allowed_sans;
  std::string alpn;  // As RFC 7301 section 3.1 has it.
};

void FreeRules(void* /*context*/, void* rules, CRYPTO_EX_DATA* /*data*/, int /*index*/,
               long /*number*/, void* /*argument*/) {
  const std::unique_ptr<Rules> owner(static_cast<Rules*>(rules));
}

int RulesIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, FreeRules);
  return index;
}

const Rules& RulesOf(const SSL* connection) {
  return *static_cast<const Rules*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), RulesIndex()));
}

bool IsChecked(ClientCertificate mode) {
  return mode == ClientCertificate::kIfGiven || mode == ClientCertificate::kRequired;
}

bool IsDemanded(ClientCertificate mode) {
  return mode == ClientCertificate::kNeeded || mode == ClientCertificate::kRequired;
}

int ProtocolVersion(int version) { return version >= 13 ? TLS1_3_VERSION : TLS1_2_VERSION; }

// RFC 7301: ours in our order; a client that offers others only is told so.
int SelectProtocol(SSL* connection, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned in_size, void* /*argument*/) {
  const std::string& list = RulesOf(connection).alpn;
  unsigned char* selected = nullptr;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes, as OpenSSL takes them
  const auto* const bytes = reinterpret_cast<const unsigned char*>(list.data());
  if (SSL_select_next_proto(&selected, out_size, bytes, static_cast<unsigned>(list.size()), in,
                            in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// OpenSSL asks for each certificate of the client's chain, its own last, and for each fault.
int VerifyClient(int ok, X509_STORE_CTX* store) {
  const auto* const connection = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const Rules& rules = RulesOf(connection);
  if (rules.checks_clients && ok != 1) return 0;
  if (rules.allowed_sans.empty()) return 1;
  const PeerCertificate peer = NamesOf(X509_STORE_CTX_get0_cert(store));
  for (const auto* names : {&peer.dns_names, &peer.emails, &peer.addresses, &peer.uris}) {
    if (std::ranges::find_first_of(*names, rules.allowed_sans) != names->end()) return 1;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

void SetUpSessions(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
  SSL_CTX_sess_set_cache_size(context, kKeptSessions);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  constexpr std::array<unsigned char, 10> kIdContext = {'t', 'a', 'r', 'g', 'e',
                                                        't', '-', 'e', 'y', 'e'};
  SSL_CTX_set_session_id_context(context, kIdContext.data(), kIdContext.size());
}

Expected<void> SetCiphers(SSL_CTX* context, const TlsOptions& options) {
  SSL_CTX_set_min_proto_version(context, ProtocolVersion(options.min_version));
  SSL_CTX_set_max_proto_version(context, ProtocolVersion(options.max_version));
  SSL_CTX_set_dh_auto(context, 1);
  if (SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
    return Wrong(fmt::format("CIPHERS: {}: expected a list of ciphers that OpenSSL knows",
                             Quote(options.ciphers)));
  }
  if (!options.cipher_suites.empty() &&
      SSL_CTX_set_ciphersuites(context, options.cipher_suites.c_str()) != 1) {
    return Wrong(fmt::format("{}: expected a list of TLS 1.3 cipher suites that OpenSSL knows",
                             Quote(options.cipher_suites)));
  }
  if (const char* const unsafe = UnsafeCipher(context); unsafe != nullptr) {
    return Wrong(fmt::format("CIPHERS: {} has {}; expected ciphers that encrypt and authenticate",
                             Quote(options.ciphers), unsafe));
  }
  const char* const curves = options.curves.empty() ? kCurves : options.curves.c_str();
  if (SSL_CTX_set1_groups_list(context, curves) != 1) {
    return Wrong(
        fmt::format("{}: expected a list of curves that OpenSSL knows", Quote(options.curves)));
  }
  return {};
}

Expected<void> SetProtocols(SSL_CTX* context, const TlsOptions& options, Rules& rules) {
  for (const std::string& protocol : options.alpn_protocols) {
    if (protocol != "h2" && protocol != "http/1.1") {
      return Wrong(fmt::format("ALPN_PROTOCOLS: {}: expected h2 or http/1.1", Quote(protocol)));
    }
    rules.alpn += static_cast<char>(protocol.size());
    rules.alpn += protocol;
  }
  // Old clients name what they speak, too: it is the same session.
  const std::string_view older = "http/1.0";
  if (std::ranges::find(options.alpn_protocols, "http/1.1") != options.alpn_protocols.end()) {
    rules.alpn += static_cast<char>(older.size());
    rules.alpn += older;
  }
  if (!rules.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, SelectProtocol, nullptr);
  return {};
}

Expected<void> LoadCertificate(SSL_CTX* context, const TlsOptions& options) {
  if (auto file = OpenPem(options.cert_file, "the certificate"); !file) {
    return std::unexpected(std::move(file.error()));
  }
  if (SSL_CTX_use_certificate_chain_file(context, options.cert_file.c_str()) != 1) {
    return Wrong(fmt::format("{}: expected a certificate in PEM, with what it chains to ({})",
                             options.cert_file, Reason()));
  }
  auto key = LoadKey(options.key_file, options.key_password);
  if (!key) return std::unexpected(std::move(key.error()));
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return Wrong(fmt::format("{}: the key does not belong to the certificate in {}",
                             options.key_file, options.cert_file));
  }
  return {};
}

Expected<void> SetClientCertificates(SSL_CTX* context, const TlsOptions& options, Rules& rules) {
  const ClientCertificate mode = options.client_certificate;
  rules.checks_clients = IsChecked(mode);
  rules.allowed_sans = options.allowed_sans;
  const auto flags = FlagsOf(options.verify_flags);
  if (!flags) return std::unexpected(flags.error());
  if (mode == ClientCertificate::kNone) return {};
  SSL_CTX_set_verify(context,
                     SSL_VERIFY_PEER | (IsDemanded(mode) ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     VerifyClient);
  if (!IsChecked(mode)) return {};
  if (options.ca_file.empty()) {
    return Wrong(
        "client certificates are to be checked, and CA_CERTS (or client_ca_file) is not set");
  }
  if (auto file = OpenPem(options.ca_file, "the file of authorities"); !file) {
    return std::unexpected(std::move(file.error()));
  }
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(options.ca_file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Wrong(fmt::format("{}: expected certificates in PEM ({})", options.ca_file, Reason()));
  }
  SSL_CTX_set_client_CA_list(context, names);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), *flags);
  return {};
}

std::chrono::system_clock::time_point FirstNotAfter(SSL_CTX* context) {
  auto first = NotAfter(SSL_CTX_get0_certificate(context));
  STACK_OF(X509)* chain = nullptr;
  // NOLINTNEXTLINE(bugprone-multi-level-implicit-pointer-conversion): OpenSSL's macro does it
  SSL_CTX_get0_chain_certs(context, &chain);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    first = std::min(first, NotAfter(sk_X509_value(chain, i)));
  }
  return first;
}

}  // namespace

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_server_method())) {}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Expected<std::shared_ptr<const TlsContext>> TlsContext::Load(const TlsOptions& options) {
  NeverAsk();
  ERR_clear_error();
  std::shared_ptr<TlsContext> made(new TlsContext());
  SSL_CTX* const context = made->context_;
  auto rules = std::make_unique<Rules>();
  if (context == nullptr || SSL_CTX_set_ex_data(context, RulesIndex(), rules.get()) != 1) {
    return Wrong("OpenSSL: " + Reason());
  }
  Rules& kept = *rules.release();
  SetUpSessions(context);
  auto loaded = SetCiphers(context, options);
  if (loaded) loaded = SetProtocols(context, options, kept);
  if (loaded) loaded = LoadCertificate(context, options);
  if (loaded) loaded = SetClientCertificates(context, options, kept);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  made->not_after_ = FirstNotAfter(context);
  ERR_clear_error();
  return made;
}

std::optional<PeerCertificate> PeerCertificateOf(SSL* connection) {
  const X509* const certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr || !RulesOf(connection).checks_clients ||
      SSL_get_verify_result(connection) != X509_V_OK) {
    return std::nullopt;
  }
  return NamesOf(certificate);
}

}  // namespace target_eye
