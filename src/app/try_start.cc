#include "app/try_start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "app/health_check.h"
#include "app/privileges.h"
#include "app/start_steps.h"
#include "app/state_directory.h"
#include "app/web_security.h"
#include "http/http_server.h"
#include "http/net/bind_address.h"
#include "publish/file_sd/file_sd_directory.h"
#include "publish/file_sd/import/import_list.h"
#include "publish/file_sd/import/legacy_import.h"
#include "store/sqlite/sqlite_store.h"
#include "telemetry/metrics.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;

// Of whoever has an address, to answer as target-eye would.
constexpr std::chrono::seconds kPatience{2};

bool Exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

// What trying makes is removed at the end of it; what was there before, or has been put to use by
// somebody else since, stays.
class Traces {
 public:
  Traces() = default;
  Traces(const Traces&) = delete;
  Traces& operator=(const Traces&) = delete;
  ~Traces() {
    for (const std::string& file : files_) {
      struct stat status{};
      if (::lstat(file.c_str(), &status) == 0 && status.st_size == 0) ::unlink(file.c_str());
    }
    for (const std::string& directory : directories_) ::rmdir(directory.c_str());
  }

  // Before it may be made.
  void NoteFile(const std::string& path) {
    if (!path.empty() && path != "-" && !Exists(path)) files_.push_back(path);
  }
  // With all above it that are missing.
  void NoteDirectories(const std::string& path) {
    std::vector<std::string> missing;
    for (fs::path at = path; !at.empty() && !Exists(at.string()); at = at.parent_path()) {
      missing.push_back(at.string());
      if (at == at.parent_path()) break;
    }
    directories_.insert(directories_.begin(), missing.begin(), missing.end());
  }

 private:
  std::vector<std::string> files_;
  std::vector<std::string> directories_;  // The deepest first.
};

// Root may try what another user is to serve, with a state that came without its lock.
void GiveLockToOwnerOfState(const std::string& directory) {
  struct stat status{};
  if (::lstat((directory + "/state.db").c_str(), &status) != 0) return;
  // Where it fails, the owner is the one who tries.
  [[maybe_unused]] const int ignored =
      ::lchown((directory + "/lock").c_str(), status.st_uid, status.st_gid);
}

// Opens the state that is there. If there is none, makes one beside the place where it would be,
// which tells the same and cannot be taken for it.
Expected<void> TryStore(std::string directory) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  const bool is_there = Exists(directory + "/state.db") || Exists(directory + "/state.db-wal");
  const bool is_missing = !Exists(directory);
  const bool is_usable = fs::is_directory(directory) &&
                         ::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
  if (is_there || (!is_missing && !is_usable)) {
    const bool is_locked_anew = !Exists(directory + "/lock");
    auto opened = SqliteStore::Try(directory);
    if (is_locked_anew) GiveLockToOwnerOfState(directory);
    return opened;
  }
  const std::string name = fmt::format(".target-eye-check-{}", ::getpid());
  const std::string probe =
      (is_missing ? fs::path(directory).parent_path() : fs::path(directory)) / name;
  auto opened = SqliteStore::Try(probe);
  std::error_code ignored;
  fs::remove_all(probe, ignored);
  if (opened) return {};
  Error error = std::move(opened.error());
  for (std::size_t at = error.message.find(probe); at != std::string::npos;
       at = error.message.find(probe, at + directory.size())) {
    error.message.replace(at, probe.size(), directory);
  }
  return std::unexpected(std::move(error));
}

// Of a server that only listens: nobody asks it.
class NoHandler : public HttpHandler {
  void Handle(const HttpRequest&, Respond respond) override {
    respond({.status = 503, .body = {}, .headers = {}});
  }
};

Expected<void> TryListening(const Config& config) {
  NoHandler nobody;
  Metrics metrics;
  HttpServer server(ServerOptions(config), nobody, metrics);
  return server.Listen();
}

Expected<void> TryAddresses(const Config& config, bool is_running) {
  Traces traces;
  traces.NoteFile(config.access_log);
  if (!is_running) return TryListening(config);
  const auto tls = UsesTls(config);
  if (!tls) return std::unexpected(tls.error());
  const auto try_each = [&](const std::vector<std::string>& addresses, bool is_tls) {
    for (const std::string& address : addresses) {
      const auto opened = OpenListeners(address, {});
      if (opened) continue;
      Config own = config;
      own.bind = {address};
      own.insecure_bind.clear();
      const bool is_its_own = opened.error().code == ErrorCode::kInUse &&
                              CheckHealth(own, is_tls, kPatience).has_value();
      if (!is_its_own) return Expected<void>(std::unexpected(opened.error()));
    }
    return Expected<void>();
  };
  if (auto tried = try_each(config.bind, *tls); !tried) return tried;
  return try_each(config.insecure_bind, false);
}

Expected<void> TryDirectories(const Config& config, bool is_running) {
  const std::string state_directory = StateDirectory(config);
  const std::string hidden = config.file_sd_directory + "/.target-eye";
  Traces traces;
  traces.NoteDirectories(hidden + "/staging");
  if (auto made = MakeDirectory(config.file_sd_directory); !made) return made;
  if (auto right = CheckStateDirectory(config); !right) return right;
  if (!is_running) {
    if (auto tried = TryStore(state_directory); !tried) return tried;
  }
  auto published = FileSdDirectory::Try(config.file_sd_directory);
  if (!published && !(is_running && published.error().code == ErrorCode::kInUse)) return published;
  if (auto pending = PendingImport(config.file_sd_directory); !pending) {
    return std::unexpected(std::move(pending.error()));
  }
  if (Exists(state_directory + "/state.db")) return {};
  if (auto scan = ScanForImport(config.file_sd_directory); !scan) {
    return std::unexpected(std::move(scan.error()));
  }
  return {};
}

}  // namespace

Expected<std::vector<std::string>> TryStart(const Config& config) {
  std::vector<std::string> remarks;
  const bool is_running = IsStateInUse(StateDirectory(config));
  if (is_running) {
    remarks.emplace_back(
        "target-eye runs with this state already: what that instance holds was not tried");
  }
  if (auto tried = TryAddresses(config, is_running); !tried) return std::unexpected(tried.error());
  {
    Traces traces;
    traces.NoteFile(config.pid_path);
    if (auto tried = TryPidFile(config.pid_path); !tried) return std::unexpected(tried.error());
  }
  auto security = LoadWebSecurity(config);
  if (!security) return std::unexpected(std::move(security.error()));
  std::ranges::move(security->warnings, std::back_inserter(remarks));
  if (auto dropped = DropPrivileges(config.user, config.group, {}); !dropped) {
    return std::unexpected(dropped.error());
  }
  auto selector = PublishSelector(config);
  if (!selector) return std::unexpected(std::move(selector.error()));
  if (const std::string doubt = selector->Doubt(); !doubt.empty()) {
    remarks.push_back("PUBLISH_SELECTOR: " + doubt);
  }
  if (auto tried = TryDirectories(config, is_running); !tried)
    return std::unexpected(tried.error());
  return remarks;
}

}  // namespace target_eye
