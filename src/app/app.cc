#include "app/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "app/import.h"
#include "app/privileges.h"
#include "app/start_steps.h"
#include "app/state_directory.h"
#include "app/web_security.h"
#include "publish/file_sd/import/import_list.h"
#include "telemetry/log.h"
#include "util/backoff.h"
#include "util/clock.h"

namespace target_eye {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

}  // namespace

App::App(Config config)
    : config_(std::move(config)),
      store_(StateDirectory(config_)),
      registry_(store_, metrics_, SystemClock(),
                {.queue_limit = config_.queue_limit,
                 .group_limit = config_.group_limit,
                 .group_limits = {.targets = config_.group_target_limit,
                                  .labels = config_.group_label_limit,
                                  .label_bytes = config_.label_limit_bytes}}),
      lists_({}, metrics_, SystemClock()),
      sd_page_(lists_, config_.meta_labels),
      api_(
          registry_, metrics_, [this] { return NotReady(); },
          ApiPages{.sd = &sd_page_,
                   .sd_withheld = [this] { return Withheld(); },
                   .reload = ReloadPage()}),
      gate_(api_, metrics_, SystemClock()),
      cross_origin_(gate_),
      server_(ServerOptions(config_), cross_origin_, metrics_),
      reloader_([this] { return LoadSecurity(); }, metrics_) {}

App::~App() { Stop(); }

Expected<void> App::Start() {
  // The address first: whoever starts a second instance by mistake hears of it before anything is
  // read.
  if (auto listening = server_.Listen(); !listening) {
    return listening;
  }
  if (auto written = WritePidFile(config_.pid_path); !written) {
    return written;
  }
  // While still root, who may read what the user that it becomes may not.
  auto security_files = LoadSecurity();
  if (!security_files) {
    return std::unexpected(security_files.error());
  }
  std::vector<std::string> files;
  for (const std::string& address : server_.addresses()) {
    if (address.starts_with(kUnixPrefix)) {
      files.push_back(address.substr(kUnixPrefix.size()));
    }
  }
  if (!config_.pid_path.empty()) {
    files.push_back(config_.pid_path);
  }
  if (auto dropped = DropPrivileges(config_.user, config_.group, files); !dropped) {
    return dropped;
  }
  if (auto opened = OpenState(); !opened) {
    return opened;
  }
  started_ = true;
  registry_.AddListener(*publisher_);
  registry_.AddListener(lists_);
  registry_.Start();
  server_.Start();
  reloader_.Start(std::move(*security_files));
  for (std::size_t i = 0; i < server_.addresses().size(); ++i) {
    Log(LogLevel::kInfo, "listening",
        {{"address", server_.addresses()[i]}, {"tls", server_.IsTls(i)}});
  }
  return {};
}

Expected<std::vector<std::string>> App::LoadSecurity() {
  auto security = LoadWebSecurity(config_);
  if (!security) {
    return std::unexpected(std::move(security.error()));
  }
  if (started_) {
    if (auto allowed = CheckReload(guards_, security->guards); !allowed) {
      return std::unexpected(std::move(allowed.error()));
    }
  }
  guards_ = std::move(security->guards);
  if (security->tls) {
    metrics_.SetTlsCertificateExpiry(security->tls->not_after());
    server_.UseTls(std::move(security->tls));
  }
  server_.UseResponseHeaders(std::move(security->response_headers));
  gate_.Use(std::move(security->access));
  for (const std::string& warning : security->warnings) {
    Log(LogLevel::kWarning, warning);
  }
  return std::move(security->files);
}

ApiPages::Reload App::ReloadPage() {
  if (!config_.enable_reload) {
    return {};
  }
  return [this](Reloader::Done done) { reloader_.Reload(std::move(done)); };
}

void App::Reload() {
  server_.ReopenAccessLog();
  auto done = std::make_shared<std::promise<void>>();
  reloader_.Reload([done](const std::string&) { done->set_value(); });
  done->get_future().wait_for(kReloadPatience);
}

// The store's lock is taken before anything in the directory is touched, and the publisher's before
// anything is imported from it.
Expected<void> App::OpenState() {
  auto selector = PublishSelector(config_);
  if (!selector) {
    return std::unexpected(std::move(selector.error()));
  }
  if (const std::string doubt = selector->Doubt(); !doubt.empty()) {
    Log(LogLevel::kWarning, "PUBLISH_SELECTOR: " + doubt);
  }
  if (auto made = MakeDirectory(config_.file_sd_directory); !made) {
    return made;
  }
  if (auto right = CheckStateDirectory(config_); !right) {
    return right;
  }
  if (auto opened = registry_.Open(); !opened) {
    return opened;
  }
  auto publisher = FileSdPublisher::Open(
      {.directory = config_.file_sd_directory,
       .layout = config_.file_sd_layout == "group" ? FileSdLayout::kGroup : FileSdLayout::kFile,
       .selector = *std::move(selector),
       .meta_labels = config_.meta_labels},
      metrics_, SystemClock());
  if (!publisher) {
    return std::unexpected(publisher.error());
  }
  publisher_ = std::move(*publisher);
  const bool has_url = config_.external_url.contains("://");
  const auto imported =
      ImportOnFirstStart(config_.file_sd_directory,
                         {.address = has_url ? config_.external_url : server_.addresses().front(),
                          .root_path = has_url ? "" : config_.root_path,
                          .body_limit_bytes = config_.body_limit_bytes},
                         registry_);
  if (!imported) {
    return std::unexpected(imported.error());
  }
  import_pending_ = imported->pending;
  held_ = imported->held;
  return {};
}

bool App::PutImportedAway() {
  const auto now = std::chrono::steady_clock::now();
  if (!import_pending_) {
    return true;
  }
  if (now < retry_import_at_) {
    return false;
  }
  const auto finished = FinishImport(config_.file_sd_directory);
  const std::string failure = finished ? std::string() : finished.error().message;
  const std::lock_guard lock(import_mutex_);
  if (!finished && failure != import_failure_) {
    Log(LogLevel::kError,
        "cannot put the imported files away; Prometheus sees their targets twice until that "
        "works, and it is tried again",
        {{"error", failure}});
  }
  import_failure_ = failure;
  import_pending_ = !finished;
  retry_import_at_ = now + kMaxDiskRetry;
  return finished.has_value();
}

bool App::FinishStart() {
  if (ready_) {
    return true;
  }
  if (!publisher_->status().published) {
    return false;
  }
  held_ = false;
  if (!PutImportedAway()) {
    return false;
  }
  ready_ = true;
  const auto counts = registry_.counts();
  Log(LogLevel::kInfo, "ready",
      {{"file_sd_directory", config_.file_sd_directory},
       {"groups", counts.groups},
       {"targets", counts.targets},
       {"revision", counts.revision}});
  return true;
}

std::string App::Withheld() const {
  if (!held_ || publisher_->status().published) {
    return {};
  }
  return NotReady();
}

std::string App::NotReady() const {
  const auto [published, failure, damage] = publisher_->status();
  if (!ready_) {
    if (failure.empty() && published) {
      const std::lock_guard lock(import_mutex_);
      return import_failure_.empty()
                 ? "all is published, and the start is about to be finished"
                 : "the imported files cannot be put away yet: " + import_failure_;
    }
    return failure.empty() ? "the state is loaded, and nothing is published yet"
                           : "nothing is published yet: " + failure;
  }
  if (std::string wrong = registry_.failure(); !wrong.empty()) {
    return "the store cannot be written: " + wrong;
  }
  if (!damage.empty()) {
    return "what Prometheus reads is not what was published: " + damage +
           (failure.empty() ? "" : "; publication failed: " + failure);
  }
  if (!failure.empty()) {
    return "the last publication failed: " + failure;
  }
  return {};
}

bool App::Stop() {
  bool is_whole = true;
  reloader_.Stop();
  if (std::exchange(started_, false)) {
    const std::size_t cut = server_.Stop(config_.graceful_timeout);
    if (cut > 0) {
      Log(LogLevel::kWarning,
          "connections were cut at the end of GRACEFUL_TIMEOUT; raise it if clients need longer",
          {{"connections", cut}});
    }
    registry_.Stop();
    is_whole = publisher_->Stop();
    lists_.Stop();
    Log(LogLevel::kInfo, "stopped", {{"revision", registry_.counts().revision}});
  }
  RemovePidFile(config_.pid_path);
  return is_whole;
}

}  // namespace target_eye
