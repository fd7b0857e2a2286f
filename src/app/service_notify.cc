#include "app/service_notify.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <ctime>
#include <system_error>

#include "model/error.h"
#include "telemetry/log.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

Expected<void> SendDatagram(const std::string& socket, std::string_view message) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (!socket.starts_with('/') && !socket.starts_with('@')) {
    return Invalid("it must be an absolute path, or @ and a name");
  }
  if (socket.size() >= sizeof address.sun_path) {
    return Invalid(
        fmt::format("it must have less than {} characters", std::size(address.sun_path)));
  }
  std::ranges::copy(socket, address.sun_path);
  if (socket.front() == '@') address.sun_path[0] = '\0';

  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // The name of an abstract socket ends where the address does: nothing may follow it.
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  if (!fd || ::sendto(fd.get(), message.data(), message.size(), MSG_NOSIGNAL,
                      reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    return MakeError(ErrorCode::kIo, std::generic_category().message(errno));
  }
  return {};
}

}  // namespace

void ServiceNotify::Ready() {
  ready_ = true;
  Send("READY=1\nSTATUS=ready");
}

void ServiceNotify::Reloading() {
  if (!ready_) return;
  // Type=notify-reload matches the end of a reload to its beginning by this time.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  Send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading",
                   now.tv_sec * 1'000'000LL + now.tv_nsec / 1'000));
}

void ServiceNotify::Stopping() { Send("STOPPING=1\nSTATUS=stopping"); }

void ServiceNotify::Send(std::string_view message) {
  if (socket_.empty()) return;
  if (auto sent = SendDatagram(socket_, message); !sent && !warned_) {
    warned_ = true;
    Log(LogLevel::kWarning, "the service manager cannot be told how this process is doing",
        {{"NOTIFY_SOCKET", socket_}, {"error", sent.error().message}});
  }
}

}  // namespace target_eye
