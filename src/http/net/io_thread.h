#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "http/http_handler.h"
#include "http/net/connection.h"
#include "http/net/server_context.h"
#include "http/net/transport.h"
#include "http/wire/request_id.h"
#include "http/wire/response_head.h"
#include "util/unique_fd.h"

namespace target_eye {

// A connection that was accepted.
struct Accepted {
  UniqueFd socket;
  Peer peer;
  std::shared_ptr<const TlsContext> tls = nullptr;  // Null: plain.
};

class IoThread;

// Begins to serve a connection, on its thread: the transport is open, and `tls` is null for a plain
// one.
using OpenConnectionFunction = void (*)(std::shared_ptr<IoThread> thread, Transport transport,
                                        Peer peer, std::shared_ptr<const TlsContext> tls);

// One event loop on one thread, with the connections that live on it. A ticker walks them, so that
// deadlines cost a comparison every kTick and nothing a request.
//
// What is not marked otherwise may be called on the thread itself only, or while it does not run.
class IoThread : public std::enable_shared_from_this<IoThread> {
 public:
  static constexpr std::chrono::milliseconds kTick{100};

  // `open`: what becomes of each connection that is adopted; sessions are not known here.
  IoThread(std::shared_ptr<ServerContext> context, OpenConnectionFunction open);
  ~IoThread();

  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  ServerContext& context() { return *context_; }
  const std::shared_ptr<ServerContext>& shared_context() const { return context_; }
  boost::asio::io_context& io() { return io_; }
  // From any thread: whether it is this one.
  bool IsCurrent() const;
  const StandardFields& standard_fields() {
    if (context_->response_headers.version() != headers_version_) UpdateStandardFields();
    return standard_fields_;
  }
  std::uint64_t NextRequestNumber() { return request_numbers_.Next(); }

  // From any thread.
  void Start();
  void Join();
  // Serves a connection; one for which there is no room gets the answer that there are too many.
  void Adopt(Accepted accepted);
  // Hands a connection a response; drops it when the loop has ended. Many at once wake the thread
  // once.
  void Deliver(std::shared_ptr<Connection> connection, std::int32_t stream, HttpResponse response);
  // Runs `task` on the thread.
  void Post(std::function<void()> task);

  // Called every kTick.
  void OnTick(std::function<void()> task) { on_tick_ = std::move(task); }

  void Add(Connection& connection);

  // Closes what is idle; what is not will close after its response.
  void Drain();
  // Closes everything, and returns the number of requests that were under way.
  std::size_t Cut();
  // Ends the loop, once all has run that is under way. From any thread; no session may be open.
  void Finish();

 private:
  struct Delivery {
    std::shared_ptr<Connection> connection;
    std::int32_t stream = 0;
    HttpResponse response;
  };

  void Tick();
  void TakeMail();
  void UpdateDate();
  void UpdateStandardFields();

  const std::shared_ptr<ServerContext> context_;
  const OpenConnectionFunction open_;
  boost::asio::io_context io_;
  boost::asio::steady_timer ticker_;
  bool ticking_ = true;
  std::function<void()> on_tick_;
  boost::intrusive::list<Connection, boost::intrusive::base_hook<ConnectionHook>,
                         boost::intrusive::constant_time_size<false>>
      connections_;
  std::time_t date_ = 0;
  std::string date_and_server_;
  std::uint64_t headers_version_ = 0;
  StandardFields standard_fields_;
  RequestNumbers request_numbers_;
  std::thread thread_;

  std::vector<Delivery> taken_;  // Only to keep its memory.
  std::mutex mutex_;
  std::vector<Delivery> mail_;
  bool finished_ = false;
};

}  // namespace target_eye
