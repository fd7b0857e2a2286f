#pragma once

#include <openssl/ssl.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "util/unique_fd.h"

namespace target_eye {

// The bytes of one connection, plain or TLS, on a non-blocking socket. Used on its I/O thread only.
// A plain one costs what its socket costs: each method is then one call of Asio's.
//
// Handlers take an error code (and a number of bytes) and are never called from inside the call
// that took them. Close makes those that wait be called with an error; they must keep alive what
// they use.
class Transport {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;
  using ErrorCode = boost::system::error_code;

  explicit Transport(boost::asio::io_context& io) : socket_(io) {}
  ~Transport();
  Transport(Transport&& other) noexcept = default;
  // While nothing waits.
  Transport& operator=(Transport&& other) noexcept = default;

  // Takes over a connected socket. Returns whether it could.
  bool Open(UniqueFd socket);

  // Makes it TLS, as the server's side; Handshake comes next, before anything is read or written.
  // Returns whether it could.
  bool BeginTls(SSL_CTX* context);
  // Goes on as far as it can. `again` is set if it must be called again, once WaitForHandshake's
  // handler has been.
  ErrorCode Handshake(bool& again);
  template <typename Handler>
  void WaitForHandshake(Handler handler) {
    socket_.async_wait(SSL_want_write(tls_->ssl.get()) ? Socket::wait_write : Socket::wait_read,
                       std::move(handler));
  }
  bool is_tls() const { return tls_ != nullptr; }
  SSL* tls() const { return tls_->ssl.get(); }

  // What waits to be read, as much as there is room for; it stays unread. `error` is would_block
  // if there is nothing yet, eof at the end of input. Before BeginTls.
  std::size_t Peek(boost::asio::mutable_buffer room, ErrorCode& error);

  // Reads at least one byte into `room`, which must stay until `handler` is called. The end of
  // input is asio::error::eof, for TLS with or without a close_notify before it.
  template <typename Handler>
  void AsyncRead(boost::asio::mutable_buffer room, Handler handler) {
    if (!tls_) return socket_.async_receive(room, std::move(handler));
    if (SSL_has_pending(tls()) == 1) {
      ErrorCode error;
      const std::size_t bytes = Read(room, error);
      if (error != boost::asio::error::would_block) {
        boost::asio::post(socket_.get_executor(), [handler = std::move(handler), error,
                                                   bytes]() mutable { handler(error, bytes); });
        return;
      }
    }
    AsyncReadTls(room, std::move(handler));
  }
  // Reads what is here without waiting; `error` is would_block if there is nothing. One call may
  // leave more behind than the socket tells of: call it until it would block before WaitReadable.
  std::size_t Read(boost::asio::mutable_buffer room, ErrorCode& error);
  template <typename Handler>
  void WaitReadable(Handler handler) {
    socket_.async_wait(Socket::wait_read, std::move(handler));
  }

  // Writes as much of `parts`, in order, as goes without waiting, and returns how many bytes that
  // were. `error` is would_block where more must wait for WaitWritable; then the next Write must
  // begin with what is left of the same bytes.
  std::size_t Write(std::span<const boost::asio::const_buffer> parts, ErrorCode& error);
  template <typename Handler>
  void WaitWritable(Handler handler) {
    // Without renegotiation, nothing but the socket's own buffer makes a write wait.
    socket_.async_wait(Socket::wait_write, std::move(handler));
  }

  // Bytes that were written, and that the client's machine has not taken yet: less than before is
  // progress, long before the socket tells that it may be written to again.
  std::size_t Queued();

  // Whether something of the client's has arrived and was not read.
  bool HasUnread();

  // Tells the client that nothing more comes (for TLS by close_notify, too). What is read after
  // that is as it came, not deciphered: it is only good for throwing it away.
  ErrorCode EndSending();
  // Makes the handlers that wait be called soon, mostly with an error; the socket stays as it is.
  void CancelWaits() {
    ErrorCode ignored;
    socket_.cancel(ignored);
  }
  // Lets go of the socket; for TLS after a close_notify, where that goes at once.
  void Close();

 private:
  // At an address of its own: OpenSSL's BIO points to it.
  struct Tls {
    struct Free {
      void operator()(SSL* ssl) const { SSL_free(ssl); }
    };
    int socket = -1;
    bool ended = false;           // The socket has given its end of input.
    bool broken = false;          // After a fatal error nothing may be said, not even close_notify.
    std::size_t empty_bytes = 0;  // Read since there was a byte for the reader.
    std::unique_ptr<SSL, Free> ssl;
  };
  struct TlsBio;

  template <typename Handler>
  void AsyncReadTls(boost::asio::mutable_buffer room, Handler handler) {
    socket_.async_wait(Socket::wait_read,
                       [this, room, handler = std::move(handler)](ErrorCode error) mutable {
                         std::size_t bytes = 0;
                         if (!error) bytes = Read(room, error);
                         // Half a record, or one that is not for us.
                         if (error == boost::asio::error::would_block) {
                           return AsyncReadTls(room, std::move(handler));
                         }
                         handler(error, bytes);
                       });
  }
  ErrorCode TlsError(int result);
  void SayGoodbye();

  Socket socket_;
  std::unique_ptr<Tls> tls_;
};

}  // namespace target_eye
