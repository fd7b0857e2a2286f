#include "http/http_server.h"

#include <algorithm>
#include <future>
#include <list>
#include <thread>
#include <utility>

#include "http/access_log/access_log.h"
#include "http/net/acceptor.h"
#include "http/net/bind_address.h"
#include "http/net/io_thread.h"
#include "http/net/server_context.h"
#include "http/opening/open_connection.h"
#include "telemetry/log.h"

namespace target_eye {

class HttpServer::Impl {
 public:
  Impl(HttpServerOptions options, HttpHandler& handler, Metrics& metrics)
      : context_(std::make_shared<ServerContext>(std::move(options), handler, metrics)) {}
  ~Impl() { Stop(std::chrono::milliseconds(0)); }

  Expected<void> Listen();
  void Start();
  bool IsTls(std::size_t index) const {
    return index < secure_listeners_ && context_->tls.Get() != nullptr;
  }
  ServerContext& context() { return *context_; }
  std::size_t Stop(std::chrono::milliseconds timeout);

  const std::vector<std::string>& addresses() const { return addresses_; }
  AccessLog* access_log() { return access_log_.get(); }

 private:
  // Runs `task` on `thread`, and waits for what it returns.
  template <typename Task>
  static auto RunOn(IoThread& thread, Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    thread.Post([&packaged] { packaged(); });
    return result.get();
  }
  Expected<void> OpenAccessLog();
  void EndThreads();

  const std::shared_ptr<ServerContext> context_;
  std::unique_ptr<AccessLog> access_log_;
  std::vector<Listener> listeners_;
  // The first of listeners_, which are HTTPS if there is a TlsContext.
  std::size_t secure_listeners_ = 0;
  std::vector<std::string> addresses_;
  std::vector<std::shared_ptr<IoThread>> threads_;
  std::list<Acceptor> acceptors_;
};

Expected<void> HttpServer::Impl::OpenAccessLog() {
  const HttpServerOptions& options = context_->options;
  if (options.access_log.empty()) return {};
  auto format = AccessLogFormat::Compile(options.access_log_format);
  if (!format) return std::unexpected(format.error());
  auto log = AccessLog::Open(options.access_log, *std::move(format));
  if (!log) return std::unexpected(log.error());
  access_log_ = *std::move(log);
  context_->access_log = access_log_.get();
  return {};
}

Expected<void> HttpServer::Impl::Listen() {
  if (auto opened = OpenAccessLog(); !opened) return opened;
  const HttpServerOptions& options = context_->options;
  auto trusted = TrustedProxies::Parse(options.trusted_proxies);
  if (!trusted) return Invalid("TRUSTED_PROXIES: " + trusted.error().message);
  context_->trusted_proxies = *std::move(trusted);
  std::vector<std::string> binds = options.bind;
  binds.insert(binds.end(), options.insecure_bind.begin(), options.insecure_bind.end());
  // [::]:80 beside 0.0.0.0:80 leaves IPv4 to the latter.
  const bool v4_too = std::ranges::any_of(
      binds, [](const std::string& bind) { return bind.starts_with("0.0.0.0:"); });
  std::vector<Listener> all;
  std::size_t secure = 0;
  for (std::size_t i = 0; i < binds.size(); ++i) {
    const std::string& bind = binds[i];
    auto listeners = OpenListeners(bind, {.backlog = options.backlog,
                                          .unix_socket_mode = options.unix_socket_mode,
                                          .v6_only = v4_too});
    if (!listeners) return std::unexpected(listeners.error());
    std::ranges::move(*listeners, std::back_inserter(all));
    if (i < options.bind.size()) secure = all.size();
  }
  if (all.empty()) return Invalid("there is no address to listen on; set one in BIND");
  listeners_ = std::move(all);
  secure_listeners_ = secure;
  for (const Listener& listener : listeners_) addresses_.push_back(listener.address());
  return {};
}

void HttpServer::Impl::Start() {
  const int count = std::max(1, context_->options.threads);
  for (int i = 0; i < count; ++i)
    threads_.push_back(std::make_shared<IoThread>(context_, &OpenConnection));
  try {
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
      acceptors_.emplace_back(listeners_[i].fd(), i < secure_listeners_, threads_);
    }
    threads_.front()->OnTick([this] {
      for (Acceptor& acceptor : acceptors_) acceptor.Resume();
    });
    for (const auto& thread : threads_) thread->Start();
  } catch (...) {
    EndThreads();  // Some of them may never have run: Stop would wait for those for ever.
    throw;
  }
  // Only now is there a thread for every connection.
  RunOn(*threads_.front(), [this] {
    for (Acceptor& acceptor : acceptors_) acceptor.Start();
    return 0;
  });
}

void HttpServer::Impl::EndThreads() {
  for (const auto& thread : threads_) {
    thread->Finish();
    thread->Join();
  }
  acceptors_.clear();
  threads_.clear();
}

std::size_t HttpServer::Impl::Stop(std::chrono::milliseconds timeout) {
  if (threads_.empty()) {
    listeners_.clear();
    return 0;
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  context_->stopping = true;
  RunOn(*threads_.front(), [this] {
    for (Acceptor& acceptor : acceptors_) acceptor.Stop();
    return 0;
  });
  listeners_.clear();
  for (const auto& thread : threads_) thread->Post([&thread] { thread->Drain(); });
  while (context_->connections.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::size_t cut = 0;
  for (const auto& thread : threads_) {
    cut += RunOn(*thread, [&thread] { return thread->Cut(); });
  }
  EndThreads();
  return cut;
}

HttpServer::HttpServer(HttpServerOptions options, HttpHandler& handler, Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), handler, metrics)) {}

HttpServer::~HttpServer() = default;

Expected<void> HttpServer::Listen() { return impl_->Listen(); }

const std::vector<std::string>& HttpServer::addresses() const { return impl_->addresses(); }

bool HttpServer::IsTls(std::size_t index) const { return impl_->IsTls(index); }

void HttpServer::UseTls(std::shared_ptr<const TlsContext> context) {
  impl_->context().tls.Set(std::move(context));
}

void HttpServer::UseResponseHeaders(std::vector<ResponseField> headers) {
  impl_->context().response_headers.Set(
      std::make_shared<const std::vector<ResponseField>>(std::move(headers)));
}

void HttpServer::Start() { impl_->Start(); }

std::size_t HttpServer::Stop(std::chrono::milliseconds timeout) { return impl_->Stop(timeout); }

void HttpServer::ReopenAccessLog() {
  if (AccessLog* log = impl_->access_log()) log->Reopen();
}

}  // namespace target_eye
