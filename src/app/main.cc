#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "app/app.h"
#include "app/health_check.h"
#include "app/last_words.h"
#include "app/privileges.h"
#include "app/service_notify.h"
#include "app/try_start.h"
#include "app/web_security.h"
#include "config/command_line.h"
#include "config/config.h"
#include "config/load.h"
#include "config/reference.h"
#include "publish/file_sd/import/import_hold.h"
#include "telemetry/log.h"
#include "telemetry/version.h"
#include "util/sha256.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace target_eye {
namespace {

constexpr int kFailed = 1;
constexpr int kNoSuchCommand = 2;

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return environment;
}

// Blocked in every thread; taken by the main one.
sigset_t BlockSignals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    sigaddset(&signals, signal);
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Serves until SIGTERM or SIGINT.
void Serve(App& app, const sigset_t& signals, ServiceNotify& service) {
  bool finished = false;
  bool told = false;
  while (true) {
    finished = finished || app.FinishStart();
    // A supervisor must not end, for its slowness, a start that waits for a person.
    if (!told && (finished || app.held())) {
      told = true;
      service.Ready();
    }
    const timespec poll{.tv_sec = finished ? 3600 : 0, .tv_nsec = finished ? 0 : 10'000'000};
    const int signal = sigtimedwait(&signals, nullptr, &poll);
    if (signal == SIGHUP) {
      service.Reloading();
      app.Reload();
      ReopenLog();
      if (told) service.Ready();
    } else if (signal > 0) {
      Log(LogLevel::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
      return;
    }
  }
}

int Fail(const Config& config, const std::string& message) {
  Log(LogLevel::kCritical, message);
  if (config.error_log != "-") {
    fmt::print(stderr, "target-eye: {}\n", message);
  }
  return kFailed;
}

int FailCheck(const std::string& message) {
  fmt::print(stderr, "target-eye: {}\n", message);
  return kFailed;
}

// Whether the log can be written. A check writes nothing to it.
std::optional<std::string> TryLogging(const Config& config) {
  const bool exists = access(config.error_log.c_str(), F_OK) == 0;
  auto wrong = SetUpLogging(LogLevel::kCritical, config.error_log);
  SetUpLogging(LogLevel::kCritical, "-");
  if (!exists && !wrong && config.error_log != "-") unlink(config.error_log.c_str());
  return wrong;
}

// One line a setting, where it came from, and what would be warned of or stop the start.
int CheckConfig(CommandLine line) {
  for (const GivenSetting& given : line.given) {
    fmt::print("{} = {}    ({})\n", given.name, given.value, given.where);
  }
  if (const auto wrong = TryLogging(line.config)) return FailCheck(*wrong);
  const auto remarks = TryStart(line.config);
  if (!remarks) return FailCheck(remarks.error().message);
  line.warnings.insert(line.warnings.end(), remarks->begin(), remarks->end());
  for (const std::string& warning : line.warnings) {
    fmt::print("warning: {}\n", warning);
  }
  fmt::print("target-eye would start with this\n");
  return 0;
}

int ReportHealth(const Config& config) {
  const auto tls = UsesTls(config);
  const auto healthy = tls ? CheckHealth(config, *tls) : std::unexpected(tls.error());
  if (!healthy) {
    fmt::print(stderr, "target-eye: {}\n", healthy.error().message);
    return kFailed;
  }
  fmt::print("{} is healthy\n", *healthy);
  return 0;
}

int AcceptLossIn(const std::string& directory) {
  const auto files = AcceptLoss(directory);
  if (!files) {
    fmt::print(stderr, "target-eye: {}\n", files.error().message);
    return kFailed;
  }
  if (files->empty()) fmt::print("nothing is held in {}; there is nothing to accept\n", directory);
  for (const HeldFile& file : *files) {
    fmt::print(
        "{}: {}; given up is what was not taken over, and the file is kept in "
        "{}/.target-eye/aside\n",
        file.name, file.reason, directory);
  }
  return 0;
}

void LogConfiguration(const CommandLine& line) {
  std::vector<LogField> fields;
  fields.reserve(line.given.size());
  for (const GivenSetting& given : line.given) {
    fields.emplace_back(given.name, given.value);
  }
  Log(LogLevel::kInfo, "configuration", fields);
}

// With the log set up, until the end.
int RunService(const CommandLine& line) {
  RaiseOpenFilesLimit();
  // OpenSSL sets itself up at its first use, with thousands of allocations: not in a request.
  Sha256("");
  const sigset_t signals = BlockSignals();
  const LogThread log_thread;
  App app(line.config);
  if (auto started = app.Start(); !started) {
    return Fail(line.config, started.error().message);
  }
  // Only now: a start that fails says one line, which is why.
  LogConfiguration(line);
  const char* const notify_socket = std::getenv("NOTIFY_SOCKET");
  ServiceNotify service(notify_socket == nullptr ? "" : notify_socket);
  Serve(app, signals, service);
  service.Stopping();
  // A stop that hangs ends by SIGALRM; a second SIGTERM or SIGINT ends it at once.
  const auto seconds =
      std::chrono::ceil<std::chrono::seconds>(line.config.shutdown_timeout).count();
  alarm(static_cast<unsigned>(seconds));
  // Who rotates the log at this moment must not kill it.
  std::signal(SIGHUP, SIG_IGN);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  if (!app.Stop()) {
    // A thread that hangs still uses what would be destroyed.
    Log(LogLevel::kCritical, "ended before all was published; nothing that was answered is lost");
    ::_exit(kFailed);
  }
  return 0;
}

int Run(const std::vector<std::string>& arguments) {
  const auto line = LoadConfig(arguments, Environment());
  if (!line) {
    fmt::print(stderr, "target-eye: {}\n", line.error().message);
    return kFailed;
  }
  switch (line->action) {
    case CommandLine::Action::kHelp:
      fmt::print("{}", HelpText());
      return 0;
    case CommandLine::Action::kVersion:
      fmt::print("target-eye {}\n", Version());
      return 0;
    case CommandLine::Action::kSettingsReference:
      fmt::print("{}", SettingsReference());
      return 0;
    case CommandLine::Action::kCheckConfig:
      try {
        return CheckConfig(*line);
      } catch (const std::exception& e) {
        return FailCheck(e.what());
      }
    case CommandLine::Action::kCheckHealth:
      return ReportHealth(line->config);
    case CommandLine::Action::kAcceptLoss:
      return AcceptLossIn(line->config.file_sd_directory);
    case CommandLine::Action::kReserved:
      fmt::print(stderr,
                 "target-eye: {0} is kept for a command that this version does not have; see "
                 "--help; a config file of the name {0} is given as ./{0}\n",
                 line->reserved_word);
      return kNoSuchCommand;
    case CommandLine::Action::kServe:
      break;
  }
  const Config& config = line->config;
  const mode_t inherited = umask(0077);
  // Whatever it keeps from others, the program must be able to read its own files again.
  umask((config.umask ? static_cast<mode_t>(*config.umask) : inherited) & 0077U);
  if (auto wrong =
          SetUpLogging(ParseLogLevel(config.log_level).value_or(LogLevel::kInfo), config.error_log,
                       config.log_format == "json" ? LogFormat::kJson : LogFormat::kLogfmt)) {
    fmt::print(stderr, "target-eye: {}\n", *wrong);
    return kFailed;
  }
  for (const std::string& warning : line->warnings) {
    Log(LogLevel::kWarning, warning);
  }
  try {
    return RunService(*line);
  } catch (const std::bad_alloc&) {
    throw;  // SayWhyItEnds has better words.
  } catch (const std::exception& e) {
    return Fail(config, e.what());
  }
}

}  // namespace
}  // namespace target_eye

int main(int argc, char** argv) {
  target_eye::SayWhyItEnds();
  return target_eye::Run({argv + 1, argv + argc});
}
