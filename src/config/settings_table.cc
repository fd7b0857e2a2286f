#include "config/settings_table.h"

#include "config/config.h"
#include "config/settings.h"
#include "util/ip_address.h"

namespace target_eye {
namespace {

using Kind = SettingKind;
using Topic = SettingTopic;

constexpr std::string_view kServer = "hypercorn";
constexpr std::string_view kOurs = "target-eye";

constexpr double kKiB = 1 << 10;
constexpr double kMiB = 1 << 20;
constexpr double kDay = 86'400;

std::optional<std::string> NeedsQuic(std::string_view) {
  return "HTTP/3 is not served; unset it, and terminate HTTP/3 in front of target-eye";
}

bool IsPeer(std::string_view element) {
  return element == "unix" || IpNetwork::Parse(element).has_value();
}

constexpr Setting Refused(std::string_view name, std::string_view doc,
                          std::optional<std::string> (*refusal)(std::string_view)) {
  return {
      .name = name, .section = kServer, .topic = Topic::kRefused, .doc = doc, .refusal = refusal};
}

constexpr Setting Ignored(std::string_view name, std::string_view doc, bool secret = false) {
  return {.name = name, .section = kServer, .secret = secret, .doc = doc};
}

constexpr std::string_view kPythonOnly = "It configures the Python server only.";
constexpr std::string_view kNoStatsd = "Metrics are served at `/metrics`.";
constexpr std::string_view kNoWebsocket = "There are no WebSockets.";

constexpr Setting kSettings[] = {
    {.name = "file_sd_directory",
     .section = kOurs,
     .topic = Topic::kDirectories,
     .field = &Config::file_sd_directory,
     .default_note = "none, it must be set",
     .other_variable = "FILE_SD_DIR_HOST",
     .doc =
         "The directory that Prometheus's `file_sd_configs` watches. It is made if it is missing."},
    {.name = "file_sd_layout",
     .section = kOurs,
     .topic = Topic::kDirectories,
     .kind = Kind::kWord,
     .field = &Config::file_sd_layout,
     .words = "file|group",
     .doc =
         "`file` publishes everything in one file, `targets.json`, which costs Prometheus least. "
         "`group` publishes one file for each application and environment."},
    {.name = "state_directory",
     .section = kOurs,
     .topic = Topic::kDirectories,
     .field = &Config::state_directory,
     .default_note = "`.target-eye` in the file_sd directory",
     .other_flag = "storage.path",
     .doc = "Where the state database is kept. It must be on a local file system."},

    {.name = "publish_selector",
     .section = kOurs,
     .topic = Topic::kPublishing,
     .field = &Config::publish_selector,
     .default_note = "every group",
     .doc =
         "Which groups this instance publishes in `file_sd_directory`, so that each Prometheus "
         "gets its share: terms separated by commas, such as "
         "`application=web-*,environment=prod,label.team!=test`. docs/api.md has the whole form."},
    {.name = "meta_labels",
     .section = kOurs,
     .topic = Topic::kPublishing,
     .kind = Kind::kBoolean,
     .field = &Config::meta_labels,
     .doc = "Whether groups are published with `__meta_target_eye_application` and "
            "`__meta_target_eye_environment`, for `relabel_configs`."},

    {.name = "bind",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kList,
     .field = &Config::bind,
     .least = 1,
     .most = 64,
     .other_flag = "web.listen-address",
     .doc = "The addresses to listen on: `host:port`, `[v6]:port`, `unix:PATH` or `fd://N`. The "
            "default "
            "port is that of Target-eye's container, not hypercorn's 8000."},
    {.name = "insecure_bind",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kList,
     .field = &Config::insecure_bind,
     .least = 1,
     .most = 64,
     .default_note = "none",
     .doc =
         "Addresses that stay plain HTTP although there is a certificate, written as in `bind`."},
    {.name = "backlog",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kCount,
     .field = &Config::backlog,
     .least = 1,
     .most = 65'535,
     .doc = "Connections that may wait to be accepted. hypercorn's default is 100, too few for a "
            "deployment that registers everything at once."},
    {.name = "server_names",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kList,
     .field = &Config::server_names,
     .least = 1,
     .most = 256,
     .default_note = "any",
     .doc = "The values of `Host` that are served; a request for another is answered with 421. "
            "`/-/healthy` and `/-/ready` are served for any: health checks ask by address. A "
            "Prometheus that scrapes `/metrics` or reads `/-/sd` needs the name that it asks by "
            "in this list."},
    {.name = "trusted_proxies",
     .section = kOurs,
     .topic = Topic::kListening,
     .kind = Kind::kList,
     .field = &Config::trusted_proxies,
     .least = 1,
     .most = 256,
     .is_element = IsPeer,
     .elements = "addresses, networks such as 10.0.0.0/8 (no bits set behind its first 8), or "
                 "unix, separated by commas",
     .default_note = "none",
     .doc = "The proxies that are believed when they tell a client's address by "
            "`X-Forwarded-For`, `Forwarded` or the PROXY protocol: addresses, networks such as "
            "`10.0.0.0/8`, and `unix` for whoever connects to a unix socket. docs/proxies.md has "
            "examples."},
    {.name = "root_path",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kUrlPath,
     .field = &Config::root_path,
     .default_note = "the path of `external_url`",
     .other_flag = "web.route-prefix",
     .doc = "A prefix, such as `/target-eye`, that the paths of all requests begin with; `/` is "
            "none."},
    {.name = "external_url",
     .section = kOurs,
     .topic = Topic::kListening,
     .kind = Kind::kUrl,
     .field = &Config::external_url,
     .default_note = "none",
     .other_flag = "web.external-url",
     .doc = "Where clients reach this service through a proxy, such as "
            "`https://example.org/target-eye`: its path is the default of `root_path`, and it is "
            "the address in the commands that messages show. Where the proxy takes the path off, "
            "set `root_path` to `/` as well."},
    {.name = "include_server_header",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kBoolean,
     .field = &Config::include_server_header,
     .doc = "Whether answers carry a `Server` header."},
    {.name = "workers",
     .section = kServer,
     .topic = Topic::kListening,
     .kind = Kind::kCount,
     .field = &Config::workers,
     .least = 0,
     .most = 1024,
     .default_note = "the number of cores",
     .doc =
         "Threads that serve connections; 0 is the number of cores. hypercorn's default is 1, one "
         "process."},

    {.name = "certfile",
     .section = kServer,
     .topic = Topic::kTls,
     .field = &Config::certfile,
     .default_note = "none",
     .doc = "The TLS certificate, with what it chains to, in PEM. With it and `keyfile`, `bind` is "
            "HTTPS. Read again when it changes."},
    {.name = "keyfile",
     .section = kServer,
     .topic = Topic::kTls,
     .field = &Config::keyfile,
     .default_note = "none",
     .doc = "The key of the certificate, in PEM."},
    {.name = "keyfile_password",
     .section = kServer,
     .topic = Topic::kTls,
     .field = &Config::keyfile_password,
     .default_note = "none",
     .secret = true,
     .doc = "The passphrase of an encrypted key. Everybody on the machine can see flags: set the "
            "variable, or the config file."},
    {.name = "ca_certs",
     .section = kServer,
     .topic = Topic::kTls,
     .field = &Config::ca_certs,
     .default_note = "none",
     .doc = "The certificates, in PEM, that client certificates must chain to."},
    {.name = "verify_mode",
     .section = kServer,
     .topic = Topic::kTls,
     .kind = Kind::kVerifyMode,
     .field = &Config::verify_mode,
     .words = "cert_none|cert_optional|cert_required",
     .default_note = "`CERT_NONE`",
     .doc = "Whether a client must show a certificate; `0`, `1` and `2` mean the same. Needs "
            "`ca_certs`."},
    {.name = "verify_flags",
     .section = kServer,
     .topic = Topic::kTls,
     .kind = Kind::kList,
     .field = &Config::verify_flags,
     .least = 1,
     .most = 32,
     .default_note = "none",
     .doc = "How client certificates are checked, in the names of Python's `ssl`, such as "
            "`VERIFY_CRL_CHECK_LEAF`; the revocation lists are looked for in `ca_certs`."},
    {.name = "ciphers",
     .section = kServer,
     .topic = Topic::kTls,
     .field = &Config::ciphers,
     .doc =
         "The ciphers of TLS 1.2, as OpenSSL lists them. hypercorn's default is `ECDHE+AESGCM`."},
    {.name = "alpn_protocols",
     .section = kServer,
     .topic = Topic::kTls,
     .kind = Kind::kList,
     .field = &Config::alpn_protocols,
     .least = 1,
     .most = 2,
     .doc = "What is offered to clients, the best first: `h2` for HTTP/2 and `http/1.1`."},
    {.name = "web_config_file",
     .section = kOurs,
     .topic = Topic::kAccess,
     .field = &Config::web_config_file,
     .default_note = "none",
     .other_flag = "web.config.file",
     .doc =
         "TLS, response headers and users in the form that Prometheus's own programs take, "
         "instead of `certfile` and its like. Read again when it changes. docs/security.md has an "
         "example."},
    {.name = "access_file",
     .section = kOurs,
     .topic = Topic::kAccess,
     .field = &Config::access_file,
     .default_note = "none: everybody may do everything",
     .other_flag = "web.access-file",
     .doc =
         "Who may read or write which applications and environments. Read again when it changes. "
         "docs/security.md has its form."},
    {.name = "allowed_origins",
     .section = kOurs,
     .topic = Topic::kAccess,
     .kind = Kind::kList,
     .field = &Config::allowed_origins,
     .least = 1,
     .most = 64,
     .default_note = "none",
     .doc = "Origins, such as `https://console.example`, whose pages may use this service from a "
            "browser; those of others are answered with 403."},
    {.name = "enable_reload",
     .section = kOurs,
     .topic = Topic::kAccess,
     .kind = Kind::kBoolean,
     .field = &Config::enable_reload,
     .other_flag = "web.enable-lifecycle",
     .doc =
         "Whether `POST /-/reload` reads certificates, web config and access file again, as SIGHUP "
         "does."},

    {.name = "body_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::body_limit_bytes,
     .least = kKiB,
     .most = 1024 * kMiB,
     .doc = "The largest body of a request; a larger one is answered with 413."},
    {.name = "h11_max_incomplete_size",
     .section = kServer,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::header_limit_bytes,
     .least = kKiB,
     .most = kMiB,
     .doc = "The largest request line and header together; a larger one is answered with 431."},
    {.name = "target_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::target_limit_bytes,
     .least = 256,
     .most = kMiB,
     .doc =
         "The longest request target, that is path and query; a longer one is answered with 414."},
    {.name = "connection_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::connection_limit,
     .least = 1,
     .most = 1e6,
     .other_flag = "web.max-connections",
     .doc = "Connections that may be open at once; one more is answered with 503."},
    {.name = "client_rate_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::client_rate_limit,
     .least = 0,
     .most = 1e6,
     .doc =
         "Requests a second that one client address may send, with a second's worth at once; one "
         "more is answered with 429. 0 sets no limit. An IPv6 network of 64 bits counts as one "
         "address; behind a proxy all clients have one, unless it is in `trusted_proxies`."},
    {.name = "queue_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::queue_limit,
     .least = 1,
     .most = 1e7,
     .doc = "Changes that may wait to be stored; one more is answered with 503."},

    {.name = "client_connection_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::client_connection_limit,
     .least = 0,
     .most = 1e6,
     .doc =
         "Connections that one client address may have open at once; one more is answered with "
         "503. 0 sets no limit of its own. An IPv6 network of 64 bits counts as one address. The "
         "connections of `trusted_proxies` are counted only if the PROXY protocol tells whose they "
         "are."},
    {.name = "request_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::request_limit,
     .least = 1,
     .most = 1e7,
     .doc =
         "Requests that may be under way at once, over all connections; one more is answered with "
         "503, unless it is for one of the service's own pages."},
    {.name = "buffer_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::buffer_limit_bytes,
     .least = kMiB,
     .most = 1024 * 1024 * kMiB,
     .doc =
         "Bytes of requests that may be in memory at once, over all connections, beyond the first "
         "4 KiB of each; a request that would be too much is answered with 503. As many again of "
         "answers that their clients have not taken yet, where what many wait for counts once; a "
         "large answer that would be too much becomes 503. While more than half is taken, clients "
         "that take less than 64 KiB a second are cut off."},
    {.name = "group_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::group_limit,
     .least = 1,
     .most = 1e9,
     .doc = "Groups that there may be; a request that would create one more is answered with 400."},
    {.name = "group_target_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::group_target_limit,
     .least = 1,
     .most = 1e7,
     .doc = "Targets that one group may have; a request that would leave it with more is answered "
            "with 400."},
    {.name = "group_label_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::group_label_limit,
     .least = 2,
     .most = 1e6,
     .doc = "Labels that one group may have, `job` and `env` counted."},
    {.name = "label_limit",
     .section = kOurs,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::label_limit_bytes,
     .least = kKiB,
     .most = kMiB,
     .doc = "The longest name of a label, and the longest value; not less than an application or "
            "environment, from which `job` and `env` are made, may be."},
    {.name = "h2_max_concurrent_streams",
     .section = kServer,
     .topic = Topic::kLimits,
     .kind = Kind::kCount,
     .field = &Config::h2_stream_limit,
     .least = 1,
     .most = 10'000,
     .doc = "Requests that one HTTP/2 connection may have under way."},
    {.name = "h2_max_header_list_size",
     .section = kServer,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::h2_header_limit_bytes,
     .least = kKiB,
     .most = kMiB,
     .doc =
         "The largest header of an HTTP/2 request, each field with 32 bytes on top; a larger one "
         "is answered with 431."},
    {.name = "h2_max_inbound_frame_size",
     .section = kServer,
     .topic = Topic::kLimits,
     .kind = Kind::kBytes,
     .field = &Config::h2_frame_limit_bytes,
     .least = 16'384,
     .most = 16'777'215,
     .doc = "The largest frame of HTTP/2 that is taken."},

    {.name = "keep_alive_timeout",
     .section = kServer,
     .topic = Topic::kDeadlines,
     .kind = Kind::kSeconds,
     .field = &Config::keep_alive_timeout,
     .least = 0.001,
     .most = kDay,
     .doc = "How long a connection may be idle between two requests. hypercorn's default is 5, "
            "shorter "
            "than what proxies keep their connections for, so that they would meet closed ones."},
    {.name = "read_timeout",
     .section = kServer,
     .topic = Topic::kDeadlines,
     .kind = Kind::kSeconds,
     .field = &Config::read_timeout,
     .least = 0.001,
     .most = kDay,
     .other_flag = "web.read-timeout",
     .doc =
         "How long a whole request, header and body, may take to arrive; a slower one is answered "
         "with 408. hypercorn's default is none, which lets a slow client hold a connection for "
         "ever."},
    {.name = "ssl_handshake_timeout",
     .section = kServer,
     .topic = Topic::kDeadlines,
     .kind = Kind::kSeconds,
     .field = &Config::ssl_handshake_timeout,
     .least = 0.001,
     .most = kDay,
     .doc = "How long a client may take to agree on TLS. hypercorn's default is 60."},
    {.name = "graceful_timeout",
     .section = kServer,
     .topic = Topic::kDeadlines,
     .kind = Kind::kSeconds,
     .field = &Config::graceful_timeout,
     .least = 0,
     .most = kDay,
     .doc = "After a stop signal, how long requests under way may take to end."},
    {.name = "shutdown_timeout",
     .section = kServer,
     .topic = Topic::kDeadlines,
     .kind = Kind::kSeconds,
     .field = &Config::shutdown_timeout,
     .least = 1,
     .most = kDay,
     .doc = "After a stop signal, how long everything together may take before the process ends "
            "anyway."},

    {.name = "loglevel",
     .section = kServer,
     .topic = Topic::kLogs,
     .kind = Kind::kWord,
     .field = &Config::log_level,
     .words = "debug|info|warning|error|critical",
     .synonyms = "trace=debug|notset=debug|notice=info|warn=warning|err=error|crit=critical|"
                 "fatal=critical|alert=critical|emerg=critical|panic=critical|"
                 "0=debug|10=debug|20=info|30=warning|40=error|50=critical",
     .other_flag = "log.level",
     .doc = "The least level that is logged, in any case. What other programs call them is taken "
            "too: `trace`, `notset`, `notice`, `warn`, `err`, `crit`, `fatal`, `alert`, `emerg`, "
            "`panic`, and the numbers of Python's, `10` to `50`."},
    {.name = "log_format",
     .section = kOurs,
     .topic = Topic::kLogs,
     .kind = Kind::kWord,
     .field = &Config::log_format,
     .words = "logfmt|json",
     .other_flag = "log.format",
     .doc = "How each line of the log is written."},
    {.name = "errorlog",
     .section = kServer,
     .topic = Topic::kLogs,
     .field = &Config::error_log,
     .doc = "Where the log goes: a file, opened again at SIGHUP, or `-` for standard error."},
    {.name = "accesslog",
     .section = kServer,
     .topic = Topic::kLogs,
     .field = &Config::access_log,
     .default_note = "none",
     .doc = "Where a line for each request goes: a file, opened again at SIGHUP, or `-` for "
            "standard output."},
    {.name = "access_log_format",
     .section = kServer,
     .topic = Topic::kLogs,
     .field = &Config::access_log_format,
     .default_note = R"(`%(h)s %(l)s %(l)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"`)",
     .doc = "The form of that line, made of the atoms that docs/operations.md lists, or `json` or "
            "`logfmt` for all that is known; `json` is the default if `log_format` is. In an INI "
            "file each `%` is written `%%`, as Python's reader wants it; a single one is taken as "
            "it stands."},

    {.name = "pid_path",
     .section = kServer,
     .topic = Topic::kProcess,
     .field = &Config::pid_path,
     .default_note = "none",
     .doc = "A file to write the process id to."},
    {.name = "user",
     .section = kServer,
     .topic = Topic::kProcess,
     .kind = Kind::kName,
     .field = &Config::user,
     .default_note = "unchanged",
     .doc = "The user, by name or number, that the process becomes and that owns its unix sockets. "
            "The variable `USER` is ignored if `LOGNAME` has the same value: a login sets both."},
    {.name = "group",
     .section = kServer,
     .topic = Topic::kProcess,
     .kind = Kind::kName,
     .field = &Config::group,
     .default_note = "unchanged",
     .doc =
         "The group, by name or number, that the process becomes and that owns its unix sockets."},
    {.name = "umask",
     .section = kServer,
     .topic = Topic::kProcess,
     .kind = Kind::kOctal,
     .field = &Config::umask,
     .default_note = "unchanged",
     .doc = "The file mode bits that new files do not get, in octal, such as `022`; in TOML it may "
            "be a "
            "number, `0o022`. It takes nothing from their owner, and published files and the "
            "directories that are made for them are readable by all whatever it is."},
    {.name = "unix_socket_mode",
     .section = kOurs,
     .topic = Topic::kProcess,
     .kind = Kind::kOctal,
     .field = &Config::unix_socket_mode,
     .default_note = "`660`, or what `umask` leaves of `777` if that is set",
     .doc = "The mode of unix sockets, in octal: whoever may write to one can connect. By default "
            "that is the user and the group that this process runs as, so a proxy in that group "
            "can."},

    Refused("quic_bind", "Addresses for HTTP/3.", NeedsQuic),

    Ignored("alt_svc_headers", "There is no other protocol to point clients to."),
    Ignored("statsd_host", kNoStatsd),
    Ignored("statsd_prefix", kNoStatsd),
    Ignored("dogstatsd_tags", kNoStatsd),
    Ignored("websocket_max_message_size", kNoWebsocket),
    Ignored("websocket_ping_interval", kNoWebsocket),
    Ignored("startup_timeout", "Starting takes as long as loading the state does."),
    Ignored("h11_pass_raw_headers", kPythonOnly),
    Ignored("max_app_queue_size", kPythonOnly),
    Ignored("application_path", kPythonOnly),
    Ignored("worker_class", kPythonOnly),
    Ignored("use_reloader", kPythonOnly),
    Ignored("debug", kPythonOnly),
    Ignored("logger_class", kPythonOnly),
    Ignored("logconfig", kPythonOnly),
    Ignored("logconfig_dict", kPythonOnly),
};

}  // namespace

std::span<const Setting> Settings() { return kSettings; }

}  // namespace target_eye
