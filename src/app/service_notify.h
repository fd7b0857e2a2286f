#pragma once

#include <string>
#include <string_view>

namespace target_eye {

// Tells the service manager how the process is doing, as sd_notify(3) describes: one datagram a
// message. For units of Type=notify. One thread.
class ServiceNotify {
 public:
  // `socket` is the value of NOTIFY_SOCKET: an absolute path, or `@` and an abstract name. Empty:
  // there is no service manager, and nothing is sent. A socket that cannot be reached is a warning
  // in the log, once; the process goes on.
  explicit ServiceNotify(std::string socket) : socket_(std::move(socket)) {}

  // The service is ready; also to be called after Reloading.
  void Ready();
  // A reload begins. Sends nothing before Ready, so that a signal during the start does not end the
  // start.
  void Reloading();
  void Stopping();

 private:
  void Send(std::string_view message);

  const std::string socket_;
  bool ready_ = false;
  bool warned_ = false;
};

}  // namespace target_eye
