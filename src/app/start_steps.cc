#include "app/start_steps.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>
#include <thread>

#include "util/make_directory.h"

namespace target_eye {
namespace {

// Prometheus runs as another user.
constexpr mode_t kDirectoryMode = 0755;

// UMASK alone says of sockets, too, what it says to hypercorn.
int UnixSocketMode(const Config& config) {
  constexpr int kDefault = 0660;
  return config.unix_socket_mode.value_or(config.umask ? 0777 & ~*config.umask : kDefault);
}

}  // namespace

HttpServerOptions ServerOptions(const Config& config) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return {.bind = config.bind,
          .insecure_bind = config.insecure_bind,
          .backlog = config.backlog,
          .threads = config.workers > 0 ? config.workers : cores,
          .body_limit_bytes = config.body_limit_bytes,
          .header_limit_bytes = config.header_limit_bytes,
          .target_limit_bytes = config.target_limit_bytes,
          .connection_limit = config.connection_limit,
          .client_connection_limit = config.client_connection_limit,
          .request_limit = config.request_limit,
          .buffer_limit_bytes = config.buffer_limit_bytes,
          .client_rate_limit = config.client_rate_limit,
          .keep_alive_timeout = config.keep_alive_timeout,
          .read_timeout = config.read_timeout,
          .ssl_handshake_timeout = config.ssl_handshake_timeout,
          .h2_max_concurrent_streams = config.h2_stream_limit,
          .h2_max_header_list_size = config.h2_header_limit_bytes,
          .h2_max_inbound_frame_size = config.h2_frame_limit_bytes,
          .trusted_proxies = config.trusted_proxies,
          .server_names = config.server_names,
          .allowed_origins = config.allowed_origins,
          .root_path = config.root_path,
          .include_server_header = config.include_server_header,
          .access_log = config.access_log,
          .access_log_format = config.access_log_format.empty() && config.log_format == "json"
                                   ? "json"
                                   : config.access_log_format,
          .unix_socket_mode = UnixSocketMode(config)};
}

Expected<void> MakeDirectory(const std::string& path) {
  std::error_code error;
  MakeDirectories(path, kDirectoryMode, error);
  if (error) {
    return MakeError(
        ErrorCode::kIo,
        fmt::format("cannot make the directory {} (FILE_SD_DIRECTORY): {}; make it, or "
                    "choose one that this user may write",
                    path, error.message()));
  }
  return {};
}

Expected<Selector> PublishSelector(const Config& config) {
  auto selector = Selector::Parse(config.publish_selector);
  if (!selector) return Invalid("PUBLISH_SELECTOR: " + selector.error().message);
  return selector;
}

}  // namespace target_eye
