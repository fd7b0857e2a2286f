#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace target_eye {

// Every setting, checked. docs/configuration.md is generated from settings_table.cc and says
// what each means.
struct Config {
  std::string file_sd_directory;
  std::string file_sd_layout = "file";  // `file` or `group`.
  std::string state_directory;          // Empty: `.target-eye` in file_sd_directory.

  std::string publish_selector;
  bool meta_labels = false;

  std::vector<std::string> bind = {"127.0.0.1:12345"};
  std::vector<std::string> insecure_bind;
  int backlog = 1024;
  int workers = 0;  // 0: as many as there are cores.
  std::size_t body_limit_bytes = 1 << 20;
  std::size_t header_limit_bytes = 16 << 10;
  std::size_t target_limit_bytes = 8 << 10;
  std::size_t connection_limit = 10000;
  std::size_t client_connection_limit = 0;  // 0: none.
  std::size_t request_limit = 20000;
  std::size_t buffer_limit_bytes = 256 << 20;
  std::size_t group_limit = 1'000'000;
  std::size_t group_target_limit = 50'000;
  std::size_t group_label_limit = 256;
  std::size_t label_limit_bytes = 16 << 10;
  std::size_t h2_stream_limit = 100;
  std::size_t h2_header_limit_bytes = 64 << 10;
  std::size_t h2_frame_limit_bytes = 16 << 10;
  std::size_t client_rate_limit = 0;  // 0: none.
  std::size_t queue_limit = 65536;
  std::chrono::milliseconds keep_alive_timeout{75'000};
  std::chrono::milliseconds read_timeout{30'000};
  std::chrono::milliseconds ssl_handshake_timeout{10'000};
  std::chrono::milliseconds graceful_timeout{3'000};
  std::chrono::milliseconds shutdown_timeout{60'000};
  std::vector<std::string> trusted_proxies;
  std::vector<std::string> server_names;
  std::string root_path;
  std::string external_url;  // Without slashes at its end; a path, or a URL with or without one.
  bool include_server_header = true;

  std::string certfile;
  std::string keyfile;
  std::string keyfile_password;
  std::string ca_certs;
  std::string verify_mode = "cert_none";  // `cert_none`, `cert_optional` or `cert_required`.
  std::vector<std::string> verify_flags;
  std::string ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
  std::vector<std::string> alpn_protocols = {"h2", "http/1.1"};
  std::string web_config_file;
  std::string access_file;
  std::vector<std::string> allowed_origins;
  bool enable_reload = false;

  std::string access_log;
  std::string access_log_format;
  std::string error_log = "-";
  std::string log_level = "info";
  std::string log_format = "logfmt";

  std::string pid_path;
  std::string user;
  std::string group;
  std::optional<int> umask;
  std::optional<int> unix_socket_mode;
};

}  // namespace target_eye
