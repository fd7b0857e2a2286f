#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/testing/raw_server.h"
#include "tls/tls_context.h"
#include "util/testing/temp_directory.h"

namespace target_eye {

// For tests: a certificate for `localhost` that has signed itself, and its key, as PEM files.
class TestCertificate {
 public:
  explicit TestCertificate(std::string_view common_name = "localhost") {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 86400);
    X509_set_pubkey(made.get(), key.get());
    X509_NAME* const name = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
    X509_set_issuer_name(made.get(), name);
    EXPECT_GT(X509_sign(made.get(), key.get(), EVP_sha256()), 0);
    Write(cert_file(), [&](FILE* file) { return PEM_write_X509(file, made.get()); });
    Write(key_file(), [&](FILE* file) {
      return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }

  std::string cert_file() const { return directory_ / "cert.pem"; }
  std::string key_file() const { return directory_ / "key.pem"; }
  TlsOptions options() const {
    TlsOptions options;
    options.cert_file = cert_file();
    options.key_file = key_file();
    return options;
  }

 private:
  struct Close {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  template <typename Body>
  static void Write(const std::string& path, Body body) {
    const std::unique_ptr<FILE, Close> file(std::fopen(path.c_str(), "w"));
    ASSERT_TRUE(file) << path;
    EXPECT_EQ(body(file.get()), 1);
  }

  TempDirectory directory_;
};

// For tests: a TLS client on a RawClient's socket.
class TlsClient {
 public:
  struct Options {
    std::string alpn = {};  // One protocol; empty: none.
    int max_version = TLS1_3_VERSION;
    const TestCertificate* certificate = nullptr;
  };

  explicit TlsClient(const std::string& address) : TlsClient(address, Options()) {}
  TlsClient(const std::string& address, const Options& options)
      : raw_(address), context_(SSL_CTX_new(TLS_client_method())) {
    // OpenSSL's own socket raises it when the server has ended the connection.
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
    if (options.certificate != nullptr) {
      EXPECT_EQ(SSL_CTX_use_certificate_file(
                    context_.get(), options.certificate->cert_file().c_str(), SSL_FILETYPE_PEM),
                1);
      EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), options.certificate->key_file().c_str(),
                                            SSL_FILETYPE_PEM),
                1);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), raw_.fd());
    if (!options.alpn.empty()) {
      const std::string list = static_cast<char>(options.alpn.size()) + options.alpn;
      SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(list.data()),
                          static_cast<unsigned>(list.size()));
    }
  }

  bool Handshake() { return SSL_connect(ssl_.get()) == 1; }
  bool Send(std::string_view bytes) {
    return bytes.empty() || SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) ==
                                static_cast<int>(bytes.size());
  }
  // Whether something has come, be it the end.
  bool HasInput() {
    ::pollfd fd{raw_.fd(), POLLIN, 0};
    return SSL_has_pending(ssl_.get()) == 1 || ::poll(&fd, 1, 0) > 0;
  }
  // The next bytes; empty at the end.
  std::string Read() {
    char room[16384];
    const int n = SSL_read(ssl_.get(), room, sizeof room);
    if (n <= 0) closed_ = SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
    return {room, static_cast<std::size_t>(n > 0 ? n : 0)};
  }
  std::string ReadToEnd() {
    std::string all;
    for (std::string piece = Read(); !piece.empty(); piece = Read()) all += piece;
    return all;
  }
  // One response with a Content-Length.
  std::string ReadResponse() {
    for (;;) {
      const std::size_t head = got_.find("\r\n\r\n");
      const std::size_t length = got_.find("Content-Length: ");
      if (head != std::string::npos) {
        const std::size_t whole =
            head + 4 +
            (length < head ? static_cast<std::size_t>(std::atoll(got_.c_str() + length + 16)) : 0);
        if (got_.size() >= whole) {
          std::string response = got_.substr(0, whole);
          got_.erase(0, whole);
          return response;
        }
      }
      const std::string more = Read();
      if (more.empty()) return std::exchange(got_, {});
      got_ += more;
    }
  }
  // The server has ended the connection by a close_notify.
  bool closed() const { return closed_; }
  RawClient& raw() { return raw_; }
  SSL* ssl() { return ssl_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  RawClient raw_;
  std::unique_ptr<SSL_CTX, Free> context_;
  std::unique_ptr<SSL, Free> ssl_;
  std::string got_;
  bool closed_ = false;
};

// For tests: the server of HttpServerFixture with TLS.
class TlsServerFixture : public HttpServerFixture {
 protected:
  void ServeTls() {
    const auto context = TlsContext::Load(tls_options_);
    ASSERT_TRUE(context.has_value()) << context.error().message;
    server_.emplace(options_, handler_, metrics_);
    server_->UseTls(*context);
    const auto listening = server_->Listen();
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    server_->Start();
  }

  TestCertificate certificate_;
  TlsOptions tls_options_ = certificate_.options();
};

}  // namespace target_eye
