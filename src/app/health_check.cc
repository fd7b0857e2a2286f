#include "app/health_check.h"

#include <fmt/format.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include "http/net/bind_address.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

constexpr std::string_view kHealthyStatus = "HTTP/1.1 200 ";
constexpr std::string_view kPage = "/-/healthy";

std::unexpected<Error> Unhealthy(std::string what) {
  return MakeError(ErrorCode::kUnavailable, std::move(what));
}

std::string SystemError(int error) {
  // What a timeout of a socket ends with.
  if (error == EAGAIN || error == EINPROGRESS) return "no answer in time";
  return std::generic_category().message(error);
}

Expected<UniqueFd> ConnectTo(const sockaddr* address, socklen_t size, std::chrono::seconds limit) {
  UniqueFd fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval timeout{.tv_sec = limit.count(), .tv_usec = 0};
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) != 0 ||
      ::connect(fd.get(), address, size) != 0) {
    return Unhealthy(SystemError(errno));
  }
  return fd;
}

Expected<UniqueFd> Connect(const TcpBind& bind, std::chrono::seconds timeout) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  // Without a host: the loopback addresses. Linux takes 0.0.0.0 and [::] for them, too.
  const char* host = bind.host.empty() ? nullptr : bind.host.c_str();
  if (const int error = ::getaddrinfo(host, bind.port.c_str(), &hints, &found); error != 0) {
    return Unhealthy(::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  Expected<UniqueFd> connected = Unhealthy("it has no address");
  for (const addrinfo* info = found; info != nullptr && !connected; info = info->ai_next) {
    connected = ConnectTo(info->ai_addr, info->ai_addrlen, timeout);
  }
  return connected;
}

Expected<UniqueFd> Connect(const UnixBind& bind, std::chrono::seconds timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (bind.path.size() >= sizeof address.sun_path) return Unhealthy("the path is too long");
  std::ranges::copy(bind.path, address.sun_path);
  return ConnectTo(reinterpret_cast<const sockaddr*>(&address), sizeof address, timeout);
}

Expected<UniqueFd> Connect(const FdBind&, std::chrono::seconds) {
  return Unhealthy("a passed descriptor has no address; put another one first in BIND");
}

// A BIO over `fd`, with TLS inside where it is asked for; or an error that says why there is none.
using Stream = std::unique_ptr<BIO, decltype(&::BIO_free_all)>;

Stream PlainStream(int fd) { return {::BIO_new_socket(fd, BIO_NOCLOSE), &::BIO_free_all}; }

Stream TlsStream(int fd) {
  Stream stream(nullptr, &::BIO_free_all);
  const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(
      ::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  if (!context) return stream;
  ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  stream.reset(::BIO_new_ssl(context.get(), 1));
  if (stream) ::BIO_push(stream.get(), ::BIO_new_socket(fd, BIO_NOCLOSE));
  return stream;
}

bool WantsClientCertificate() {
  const int reason = ERR_GET_REASON(::ERR_peek_last_error());
  // TLS 1.2 has no alert of its own for it.
  return reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED ||
         reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
}

std::string StreamError() {
  const int error = errno;
  if (const char* reason = ::ERR_reason_error_string(::ERR_peek_last_error())) return reason;
  return error == 0 ? "it closed the connection" : SystemError(error);
}

Expected<void> Ask(BIO* stream, const std::string& request) {
  errno = 0;
  ::ERR_clear_error();
  std::array<char, kHealthyStatus.size()> answer{};
  std::size_t received = 0;
  if (::BIO_write(stream, request.data(), static_cast<int>(request.size())) > 0) {
    while (received < answer.size()) {
      const int count =
          ::BIO_read(stream, answer.data() + received, static_cast<int>(answer.size() - received));
      if (count <= 0) break;
      received += static_cast<std::size_t>(count);
    }
  }
  if (received < answer.size()) {
    if (WantsClientCertificate()) return {};
    return Unhealthy(StreamError());
  }
  const std::string_view status(answer.data(), answer.size());
  if (status != kHealthyStatus) {
    return Unhealthy(
        fmt::format("expected {}, it answered {}", Quote(kHealthyStatus), Quote(status)));
  }
  return {};
}

}  // namespace

Expected<std::string> CheckHealth(const Config& config, bool tls, std::chrono::seconds timeout) {
  const bool insecure = tls && !config.insecure_bind.empty();
  const std::string& address = insecure ? config.insecure_bind.front() : config.bind.front();
  const auto failed = [&](const Error& error) {
    return Unhealthy(fmt::format("{} is not healthy: {}", address, error.message));
  };
  const auto bind = ParseBindAddress(address);
  if (!bind) return std::unexpected(bind.error());
  const auto fd = std::visit([&](const auto& where) { return Connect(where, timeout); }, *bind);
  if (!fd) return failed(fd.error());

  const Stream stream = tls && !insecure ? TlsStream(fd->get()) : PlainStream(fd->get());
  if (!stream) return failed(Error{.message = "out of memory"});
  const std::string host =
      config.server_names.empty() ? std::string("localhost") : config.server_names.front();
  const auto answered =
      Ask(stream.get(), fmt::format("GET {}{} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                                    config.root_path, kPage, host));
  if (!answered) return failed(answered.error());
  return address;
}

}  // namespace target_eye
