#include "http/net/transport.h"

#include <linux/sockios.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <cstring>

namespace target_eye {
namespace {

namespace asio = boost::asio;

// What one TLS record can hold; small pieces are gathered into it.
constexpr std::size_t kRecordBytes = 16 << 10;

// What a client may send in a row that brings the reader nothing. One record can take 16 KiB; more
// is a flood of key updates (RFC 8446 section 4.6.3), of which OpenSSL's read would take all there
// are, and its thread do nothing else.
constexpr std::size_t kEmptyBytes = 64 << 10;

asio::const_buffer GatherRecord(std::span<const asio::const_buffer> parts) {
  // OpenSSL has no gathered write. Used up before anything else on this thread can write.
  thread_local std::array<char, kRecordBytes> record;
  std::size_t size = 0;
  for (const asio::const_buffer& part : parts) {
    if (size == 0 && (part.size() >= kRecordBytes || &part == &parts.back())) return part;
    const std::size_t taken = std::min(part.size(), record.size() - size);
    std::memcpy(record.data() + size, part.data(), taken);
    size += taken;
    if (size == record.size()) break;
  }
  return {record.data(), size};
}

}  // namespace

// The socket as OpenSSL sees it. OpenSSL's own would raise SIGPIPE, and does not tell whether the
// input has ended.
struct Transport::TlsBio {
  static Tls& Of(BIO* bio) { return *static_cast<Tls*>(BIO_get_data(bio)); }

  static int Write(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t n = ::send(Of(bio).socket, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
    return static_cast<int>(n);
  }
  static int Read(BIO* bio, char* data, int size) {
    BIO_clear_retry_flags(bio);
    if (Of(bio).empty_bytes > kEmptyBytes) return -1;
    const ssize_t n = ::recv(Of(bio).socket, data, static_cast<std::size_t>(size), 0);
    if (n > 0) Of(bio).empty_bytes += static_cast<std::size_t>(n);
    if (n == 0) Of(bio).ended = true;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
    return static_cast<int>(n);
  }
  static long Control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO* New(Tls& tls) {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      if (made == nullptr) return made;
      BIO_meth_set_write(made, Write);
      BIO_meth_set_read(made, Read);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &tls);
    BIO_set_init(bio, 1);
    return bio;
  }
};

Transport::~Transport() = default;

bool Transport::Open(UniqueFd socket) {
  int family = 0;
  socklen_t size = sizeof family;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size);
  ErrorCode error;
  socket_.assign(asio::generic::stream_protocol(family, 0), socket.get(), error);
  if (error) return false;
  socket.Release();
  socket_.non_blocking(true, error);
  return !error;
}

bool Transport::BeginTls(SSL_CTX* context) {
  auto tls = std::make_unique<Tls>();
  tls->socket = socket_.native_handle();
  tls->ssl.reset(SSL_new(context));
  BIO* const bio = tls->ssl ? TlsBio::New(*tls) : nullptr;
  if (bio == nullptr) {
    ERR_clear_error();
    return false;
  }
  SSL* const ssl = tls->ssl.get();
  SSL_set_bio(ssl, bio, bio);
  SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  // An idle connection keeps no record buffers; a record's header and body come with one read.
  SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_read_ahead(ssl, 1);
  SSL_set_accept_state(ssl);
  tls_ = std::move(tls);
  return true;
}

// Of the last call, which gave `result` <= 0. Leaves OpenSSL's queue of errors empty: the next call
// is judged by it.
Transport::ErrorCode Transport::TlsError(int result) {
  const int error = SSL_get_error(tls(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    return asio::error::would_block;
  }
  if (error == SSL_ERROR_ZERO_RETURN) return asio::error::eof;
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  tls_->broken = true;
  if (tls_->ended) return asio::error::eof;
  if (error == SSL_ERROR_SSL && code != 0) {
    return {static_cast<int>(code), asio::error::get_ssl_category()};
  }
  return asio::error::connection_reset;
}

Transport::ErrorCode Transport::Handshake(bool& again) {
  ERR_clear_error();
  tls_->empty_bytes = 0;  // OpenSSL bounds each message of it, the caller its time.
  const int result = SSL_do_handshake(tls());
  if (result == 1) {
    again = false;
    return {};
  }
  const ErrorCode error = TlsError(result);
  again = error == asio::error::would_block;
  return again ? ErrorCode() : error;
}

std::size_t Transport::Peek(asio::mutable_buffer room, ErrorCode& error) {
  return socket_.receive(room, Socket::message_peek, error);
}

std::size_t Transport::Read(asio::mutable_buffer room, ErrorCode& error) {
  if (!tls_) return socket_.receive(room, 0, error);
  if (ERR_peek_error() != 0) ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(tls(), room.data(), room.size(), &bytes);
  if (result == 1) tls_->empty_bytes = 0;
  error = result == 1 ? ErrorCode() : TlsError(result);
  return bytes;
}

std::size_t Transport::Write(std::span<const asio::const_buffer> parts, ErrorCode& error) {
  if (!tls_) {
    // A send costs the kernel less than a gathered one.
    return parts.size() == 1 ? socket_.send(asio::const_buffers_1(parts.front()), 0, error)
                             : socket_.send(parts, 0, error);
  }
  if (ERR_peek_error() != 0) ERR_clear_error();
  const asio::const_buffer record = GatherRecord(parts);
  std::size_t bytes = 0;
  const int result =
      SSL_write_ex(tls(), record.data(), std::min(record.size(), kRecordBytes), &bytes);
  error = result == 1 ? ErrorCode() : TlsError(result);
  return bytes;
}

std::size_t Transport::Queued() {
  int bytes = 0;
  return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes)
                                                                 : 0;
}

bool Transport::HasUnread() {
  ErrorCode error;
  if (tls_ && SSL_has_pending(tls()) == 1) return true;
  return socket_.available(error) > 0 && !error;
}

void Transport::SayGoodbye() {
  if (!tls_->broken && SSL_is_init_finished(tls()) == 1) SSL_shutdown(tls());
  ERR_clear_error();
  tls_.reset();
}

Transport::ErrorCode Transport::EndSending() {
  if (tls_) SayGoodbye();
  ErrorCode error;
  socket_.shutdown(Socket::shutdown_send, error);
  return error;
}

void Transport::Close() {
  if (tls_) SayGoodbye();
  ErrorCode ignored;
  socket_.close(ignored);
}

}  // namespace target_eye
