#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/error.h"
#include "util/unique_fd.h"

struct sockaddr_storage;  // NOLINT(readability-identifier-naming): POSIX's own

namespace target_eye {

// Where to listen, as `bind` spells it.
struct TcpBind {
  std::string host;  // Without brackets. Empty: every interface.
  std::string port;
  bool v6_literal = false;
};
struct UnixBind {
  std::string path;
};
struct FdBind {
  int fd = -1;
};
using BindAddress = std::variant<TcpBind, UnixBind, FdBind>;

// `host:port`, `[v6]:port`, `:port`, `unix:PATH`, `fd://N`; or kInvalid, naming it.
Expected<BindAddress> ParseBindAddress(std::string_view text);

// A listening socket, non-blocking. Removes its unix socket file, if it is still its own, at the
// end.
class Listener {
 public:
  Listener(UniqueFd fd, std::string address) : fd_(std::move(fd)), address_(std::move(address)) {}
  Listener(Listener&& other) noexcept = default;
  ~Listener();

  int fd() const { return fd_.get(); }
  // As `bind` spells it, with the real port.
  const std::string& address() const { return address_; }
  // The socket file to be removed at the end.
  void OwnFile(std::string path);

 private:
  UniqueFd fd_;
  std::string address_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

struct ListenOptions {
  int backlog = 1024;
  int unix_socket_mode = 0660;  // Whatever the umask.
  bool v6_only = false;         // For sockets on every interface.
};

// Opens what `text` names: more than one listener where a host name has more than one address. A
// unix socket file on which nobody answers is replaced; any other file is left alone. Errors name
// the address and what to do: kInvalid, kInUse, kIo. Not thread-safe while it sets the umask.
Expected<std::vector<Listener>> OpenListeners(const std::string& text,
                                              const ListenOptions& options);

// Whether others than this machine can connect to what `text` names: not to a unix socket, nor to a
// loopback address. A host name but `localhost` counts as one that they can. Of `fd://N` the
// descriptor is asked.
bool IsReachedFromOutside(std::string_view text);

// `127.0.0.1:80`, `[::1]:80`, or `unix`. A v4 address inside a v6 one is shown as the v4 address.
std::string FormatPeer(const sockaddr_storage& address);

}  // namespace target_eye
