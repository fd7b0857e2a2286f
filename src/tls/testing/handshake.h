#pragma once

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "tls/testing/certificates.h"
#include "tls/tls_context.h"

namespace target_eye {

// For tests: a client and a server of a TlsContext on a pair of sockets, taking turns on one
// thread.
class TestHandshake {
 public:
  struct Client {
    int min_version = 0;  // As OpenSSL has them; 0: the default.
    int max_version = 0;
    std::string ciphers = {};  // Of TLS 1.2 and before.
    std::string curves = {};
    std::string alpn = {};  // As RFC 7301 section 3.1 has it.
    const TestIdentity* identity = nullptr;
    SSL_SESSION* resume = nullptr;
  };

  TestHandshake(const TlsContext& context, const Client& client)
      : client_context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_session_cache_mode(client_context_.get(), SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_min_proto_version(client_context_.get(), client.min_version);
    SSL_CTX_set_max_proto_version(client_context_.get(), client.max_version);
    client_.reset(SSL_new(client_context_.get()));
    if (!client.ciphers.empty()) {
      EXPECT_EQ(SSL_set_cipher_list(client_.get(), client.ciphers.c_str()), 1);
    }
    if (!client.curves.empty()) {
      EXPECT_EQ(SSL_set1_groups_list(client_.get(), client.curves.c_str()), 1);
    }
    SSL_set_alpn_protos(client_.get(), reinterpret_cast<const unsigned char*>(client.alpn.data()),
                        static_cast<unsigned>(client.alpn.size()));
    if (client.identity != nullptr) {
      EXPECT_EQ(SSL_use_certificate(client_.get(), client.identity->certificate()), 1);
      EXPECT_EQ(SSL_use_PrivateKey(client_.get(), client.identity->key()), 1);
    }
    if (client.resume != nullptr) {
      EXPECT_EQ(SSL_set_session(client_.get(), client.resume), 1);
    }
    server_.reset(SSL_new(context.native()));
    std::array<int, 2> sockets{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets.data()) != 0) std::abort();
    SSL_set_fd(client_.get(), sockets[0]);
    SSL_set_fd(server_.get(), sockets[1]);
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
  }
  ~TestHandshake() {
    close(SSL_get_fd(client_.get()));
    close(SSL_get_fd(server_.get()));
  }
  TestHandshake(const TestHandshake&) = delete;
  TestHandshake& operator=(const TestHandshake&) = delete;

  // Whether both sides got to its end and a byte went each way.
  bool Run() {
    return ShakeHands() && SendByte(*server_, *client_) && SendByte(*client_, *server_);
  }

  SSL* client() const { return client_.get(); }
  SSL* server() const { return server_.get(); }
  // Why it failed, as the client learned it.
  const std::string& reason() const { return reason_; }

  std::string Alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(client_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  std::string Cipher() const { return SSL_get_cipher_name(client_.get()); }

  bool SendByte(SSL& from, SSL& to) {
    char byte = 'x';
    if (SSL_write(&from, &byte, 1) != 1) return false;
    const int got = SSL_read(&to, &byte, 1);
    if (got != 1) Note(to, got);
    return got == 1;
  }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  bool ShakeHands() {
    while (SSL_is_init_finished(client_.get()) == 0 || SSL_is_init_finished(server_.get()) == 0) {
      const bool client_lives = Step(*client_);
      if (!Step(*server_)) {
        char byte = 0;  // What it says at its end.
        Note(*client_, SSL_read(client_.get(), &byte, 1));
        return false;
      }
      if (!client_lives) return false;
    }
    return true;
  }

  // Whether it may go on.
  bool Step(SSL& side) {
    ERR_clear_error();
    const int result = SSL_do_handshake(&side);
    return result == 1 || Note(side, result);
  }

  bool Note(SSL& side, int result) {
    const int error = SSL_get_error(&side, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return true;
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    if (&side == client_.get() && reason != nullptr) reason_ = reason;
    ERR_clear_error();
    return false;
  }

  std::unique_ptr<SSL_CTX, Free> client_context_;
  std::unique_ptr<SSL, Free> client_;
  std::unique_ptr<SSL, Free> server_;
  std::string reason_;
};

}  // namespace target_eye
