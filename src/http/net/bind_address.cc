#include "http/net/bind_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <system_error>

#include "util/ascii.h"

namespace target_eye {
namespace {

using Listeners = Expected<std::vector<Listener>>;

std::unexpected<Error> BadAddress(std::string_view text) {
  return Invalid(fmt::format(
      "cannot listen on {}: it must be host:port, [v6]:port, unix:PATH or fd://N", Quote(text)));
}

std::unexpected<Error> CannotListen(std::string_view text, int error,
                                    std::string_view advice = {}) {
  if (advice.empty()) {
    if (error == EADDRINUSE) {
      advice = "stop the program that uses it, or set another address in BIND";
    } else if (error == EACCES) {
      advice = "use a port above 1023, or grant CAP_NET_BIND_SERVICE";
    } else {
      advice = "set another address in BIND";
    }
  }
  return MakeError(error == EADDRINUSE ? ErrorCode::kInUse : ErrorCode::kIo,
                   fmt::format("cannot listen on {}: {}; {}", text,
                               std::generic_category().message(error), advice));
}

bool ParseNumber(std::string_view text, int most, int& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 &&
         number <= most && IsDigit(text.front());
}

sockaddr* Generic(sockaddr_storage& address) { return reinterpret_cast<sockaddr*>(&address); }

std::string AddressOf(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, Generic(address), &size) != 0) return {};
  return FormatPeer(address);
}

Expected<Listener> OpenTcp(const std::string& text, const addrinfo& info,
                           const ListenOptions& options) {
  UniqueFd fd(::socket(info.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return CannotListen(text, errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (info.ai_family == AF_INET6) {
    const int v6_only = options.v6_only ? 1 : 0;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
  }
  if (::bind(fd.get(), info.ai_addr, info.ai_addrlen) != 0 ||
      ::listen(fd.get(), options.backlog) != 0) {
    return CannotListen(text, errno);
  }
  std::string address = AddressOf(fd.get());
  return Listener(std::move(fd), std::move(address));
}

// On a machine without IPv6: the port of `info` on every IPv4 interface.
Expected<Listener> OpenTcpV4Any(const std::string& text, const addrinfo& info,
                                const ListenOptions& options) {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = reinterpret_cast<const sockaddr_in6*>(info.ai_addr)->sin6_port;
  addrinfo v4{};
  v4.ai_family = AF_INET;
  v4.ai_addr = reinterpret_cast<sockaddr*>(&any);
  v4.ai_addrlen = sizeof any;
  return OpenTcp(text, v4, options);
}

Listeners Open(const std::string& text, const TcpBind& bind, const ListenOptions& options) {
  addrinfo hints{};
  hints.ai_family = bind.v6_literal || bind.host.empty() ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const char* host = bind.host.empty() ? nullptr : bind.host.c_str();
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host, bind.port.c_str(), &hints, &found); error != 0) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot listen on {}: {}; set an address of this "
                                                 "machine in BIND",
                                                 text, ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
  std::vector<Listener> listeners;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    auto listener = OpenTcp(text, *info, options);
    if (listener) {
      listeners.push_back(*std::move(listener));
      continue;
    }
    if (!bind.host.empty()) return std::unexpected(listener.error());
    auto v4_listener = OpenTcpV4Any(text, *info, options);
    if (!v4_listener) return std::unexpected(v4_listener.error());
    listeners.push_back(*std::move(v4_listener));
  }
  return listeners;
}

// Removes a socket file on which nobody answers.
Expected<void> RemoveStale(const std::string& text, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(address.sun_path, &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) {
    return CannotListen(text, EADDRINUSE,
                        "the path exists and is not a socket; remove it, or set "
                        "another in BIND");
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return CannotListen(text, errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    return CannotListen(text, EADDRINUSE);
  }
  if (::unlink(address.sun_path) != 0) return CannotListen(text, errno);
  return {};
}

Listeners Open(const std::string& text, const UnixBind& bind, const ListenOptions& options) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (bind.path.size() >= sizeof address.sun_path) {
    return Invalid(fmt::format("cannot listen on {}: the path must be at most {} bytes", text,
                               sizeof address.sun_path - 1));
  }
  std::ranges::copy(bind.path, address.sun_path);
  if (auto removed = RemoveStale(text, address); !removed) return std::unexpected(removed.error());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return CannotListen(text, errno);
  // So that there is no moment at which more may connect.
  const mode_t before = ::umask(0777U & ~static_cast<mode_t>(options.unix_socket_mode));
  const int bound = ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) {
    return CannotListen(text, error, "check that its directory exists and is writable");
  }
  std::vector<Listener> listeners;
  Listener& listener = listeners.emplace_back(std::move(fd), text);
  listener.OwnFile(bind.path);
  if (::listen(listener.fd(), options.backlog) != 0) return CannotListen(text, errno);
  return listeners;
}

Listeners Open(const std::string& text, const FdBind& bind, const ListenOptions&) {
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(bind.fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0) {
    return Invalid(
        fmt::format("cannot listen on {}: the descriptor must be a listening socket that "
                    "was passed to this program",
                    text));
  }
  const int flags = ::fcntl(bind.fd, F_GETFL);
  if (flags < 0 || ::fcntl(bind.fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(bind.fd, F_SETFD, FD_CLOEXEC) != 0) {
    return CannotListen(text, errno);
  }
  std::vector<Listener> listeners;
  listeners.emplace_back(UniqueFd(bind.fd), text);
  return listeners;
}

}  // namespace

Expected<BindAddress> ParseBindAddress(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  constexpr std::string_view kFd = "fd://";
  if (text.find('\0') != std::string_view::npos) return BadAddress(text);
  if (text.starts_with(kUnix)) {
    if (text.size() == kUnix.size()) return BadAddress(text);
    return UnixBind{std::string(text.substr(kUnix.size()))};
  }
  if (text.starts_with(kFd)) {
    FdBind bind;
    const std::string_view number = text.substr(kFd.size());
    if (number.empty() || !ParseNumber(number, 1 << 20, bind.fd)) return BadAddress(text);
    return bind;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return BadAddress(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  int number = 0;
  if (port.empty() || !ParseNumber(port, 65535, number)) return BadAddress(text);
  const bool v6 = host.starts_with('[');
  if (v6) {
    if (!host.ends_with(']') || host.size() < 4) return BadAddress(text);
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]/ ") != std::string_view::npos) {
    return BadAddress(text);
  }
  return TcpBind{std::string(host), std::string(port), v6};
}

Listener::~Listener() {
  if (!fd_ || path_.empty()) return;
  struct stat status{};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

void Listener::OwnFile(std::string path) {
  path_ = std::move(path);
  struct stat status{};
  if (::lstat(path_.c_str(), &status) == 0) {
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
}

Expected<std::vector<Listener>> OpenListeners(const std::string& text,
                                              const ListenOptions& options) {
  const auto address = ParseBindAddress(text);
  if (!address) return std::unexpected(address.error());
  return std::visit([&](const auto& bind) { return Open(text, bind, options); }, *address);
}

namespace {

bool IsLoopback(const in6_addr& address) {
  return IN6_IS_ADDR_LOOPBACK(&address) ||
         (IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127);
}

bool IsLoopback(const std::string& host) {
  if (EqualsIgnoringCase(host, "localhost")) return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24U == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IsLoopback(v6);
}

bool IsLoopback(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, Generic(address), &size) != 0) return false;
  if (address.ss_family == AF_UNIX) return true;
  if (address.ss_family == AF_INET) {
    return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24U == 127;
  }
  return address.ss_family == AF_INET6 &&
         IsLoopback(reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

}  // namespace

bool IsReachedFromOutside(std::string_view text) {
  const auto address = ParseBindAddress(text);
  if (!address) return true;
  if (std::holds_alternative<UnixBind>(*address)) return false;
  if (const auto* fd = std::get_if<FdBind>(&*address)) return !IsLoopback(fd->fd);
  return !IsLoopback(std::get<TcpBind>(*address).host);
}

std::string FormatPeer(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
      return fmt::format("{}:{}", text.data(), ntohs(v6.sin6_port));
    }
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
  }
  return "unix";
}

}  // namespace target_eye
