#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "http/http_handler.h"
#include "http/http_server.h"
#include "http/net/answer_budget.h"
#include "http/net/byte_budget.h"
#include "http/net/client_connections.h"
#include "http/net/client_rates.h"
#include "http/wire/framing_gate.h"
#include "http/wire/request_plan.h"
#include "http/wire/trusted_proxies.h"
#include "telemetry/metrics.h"
#include "util/seldom.h"

namespace target_eye {

class AccessLog;
class TlsContext;

// A value that any thread may exchange while others use it; a copy of what it points to is never
// made. `version` tells cheaply whether it is still the same.
template <typename T>
class Exchangeable {
 public:
  void Set(std::shared_ptr<const T> value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    version_.fetch_add(1, std::memory_order_release);
  }
  std::shared_ptr<const T> Get() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
  std::atomic<std::uint64_t> version_ = 1;
};

// What the requests of a connection may take up without being counted: most need no more.
inline constexpr std::size_t kFreeRequestBytes = 4 << 10;

// What all sessions of a server share. Constant once the threads run, except what is made to be
// used by many.
struct ServerContext {
  ServerContext(HttpServerOptions o, HttpHandler& h, Metrics& m)
      : options(std::move(o)),
        head_limits{options.header_limit_bytes, options.target_limit_bytes,
                    options.header_field_limit},
        policy{options.body_limit_bytes, options.server_names, options.root_path,
               options.allowed_origins, [&h](std::string_view path) { return h.RulesOf(path); }},
        client_rates(options.client_rate_limit),
        client_connections(options.client_connection_limit),
        request_bytes(options.buffer_limit_bytes),
        answers(options.buffer_limit_bytes),
        handler(h),
        metrics(m) {
    response_headers.Set(
        std::make_shared<const std::vector<ResponseField>>(options.response_headers));
  }

  const HttpServerOptions options;
  const HeadLimits head_limits;
  const RequestPolicy policy;
  ClientRates client_rates;
  ClientConnections client_connections;
  // Of requests that are being received or handled: what a connection holds beyond its first
  // kFreeRequestBytes.
  ByteBudget request_bytes;
  AnswerBudget answers;
  HttpHandler& handler;
  Metrics& metrics;
  AccessLog* access_log = nullptr;  // Null: none is kept.
  TrustedProxies trusted_proxies;

  // Open connections, those that are only waited for to close included.
  std::atomic<std::size_t> connections = 0;
  // Those of them that only get the answer that there are too many.
  std::atomic<std::size_t> rejected_connections = 0;
  // Requests that the handler did not answer at once, and has not answered yet. Those that it does
  // answer at once are never more than there are threads, and cost nothing here.
  std::atomic<std::size_t> waiting_requests = 0;
  Exchangeable<TlsContext> tls;                               // Null: `bind` is plain.
  Exchangeable<std::vector<ResponseField>> response_headers;  // Never null.
  // For the warnings that headers of a proxy contradict each other, and that a PROXY header is
  // malformed.
  Seldom contradictions{std::chrono::minutes(1)};
  Seldom malformed_proxy_headers{std::chrono::minutes(1)};
  // No further request is begun on a connection.
  std::atomic<bool> stopping = false;
};

}  // namespace target_eye
