#include "http/net/io_thread.h"

#include <time.h>

#include <array>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "util/thread.h"

namespace target_eye {
namespace {

namespace asio = boost::asio;

thread_local const IoThread* current_thread = nullptr;

}  // namespace

IoThread::IoThread(std::shared_ptr<ServerContext> context, OpenConnectionFunction open)
    : context_(std::move(context)), open_(open), io_(1), ticker_(io_) {}

IoThread::~IoThread() = default;

bool IoThread::IsCurrent() const { return current_thread == this; }

void IoThread::Start() {
  UpdateDate();
  Tick();
  thread_ = StartThread("http", [this] {
    current_thread = this;
    io_.run();
  });
}

void IoThread::Join() {
  if (thread_.joinable()) thread_.join();
}

void IoThread::Adopt(Accepted accepted) {
  asio::dispatch(io_, [this, accepted = std::move(accepted)]() mutable {
    // Also while stopping: it may have sent its request already, and Drain, which comes after,
    // closes it if it has not.
    Transport transport(io_);
    if (!transport.Open(std::move(accepted.socket))) return;
    open_(shared_from_this(), std::move(transport), std::move(accepted.peer),
          std::move(accepted.tls));
  });
}

void IoThread::Deliver(std::shared_ptr<Connection> connection, std::int32_t stream,
                       HttpResponse response) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    first = mail_.empty();
    mail_.push_back({std::move(connection), stream, std::move(response)});
  }
  if (first) asio::post(io_, [this] { TakeMail(); });
}

void IoThread::TakeMail() {
  {
    const std::lock_guard lock(mutex_);
    taken_.swap(mail_);
  }
  for (Delivery& delivery : taken_) {
    delivery.connection->Respond(delivery.stream, std::move(delivery.response));
  }
  taken_.clear();
}

void IoThread::Post(std::function<void()> task) { asio::post(io_, std::move(task)); }

void IoThread::Add(Connection& connection) { connections_.push_back(connection); }

void IoThread::Tick() {
  // The list lets a connection take itself out while it is looked at.
  const auto now = std::chrono::steady_clock::now();
  for (auto it = connections_.begin(); it != connections_.end();) (it++)->CheckDeadline(now);
  UpdateDate();
  if (on_tick_) on_tick_();
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](boost::system::error_code error) {
    if (!error && ticking_) Tick();
  });
}

void IoThread::Drain() {
  // In turn behind what was received already: Asio reads at once where it can, and tells later, so
  // that a session may look idle although its request is here.
  asio::post(io_, [this] {
    for (auto it = connections_.begin(); it != connections_.end();) (it++)->Drain();
  });
}

std::size_t IoThread::Cut() {
  std::size_t cut = 0;
  for (auto it = connections_.begin(); it != connections_.end();) cut += (it++)->Cut();
  return cut;
}

void IoThread::Finish() {
  std::vector<Delivery> late;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    late.swap(mail_);
  }
  // Not io_.stop(): the handlers of closed sockets hold their sessions, and must still run.
  asio::post(io_, [this] {
    ticking_ = false;
    ticker_.cancel();
  });
}

void IoThread::UpdateDate() {
  const std::time_t now = std::time(nullptr);
  if (now == date_) return;
  date_ = now;
  std::tm utc{};
  gmtime_r(&now, &utc);
  // RFC 9110 section 5.6.7. No locale is set in this program, so that the names are English.
  std::array<char, 64> text;
  const std::size_t size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %T GMT", &utc);
  date_and_server_ = "Date: ";
  date_and_server_.append(text.data(), size);
  date_and_server_ += "\r\n";
  if (context_->options.include_server_header) date_and_server_ += "Server: target-eye\r\n";
  UpdateStandardFields();
}

void IoThread::UpdateStandardFields() {
  headers_version_ = context_->response_headers.version();
  standard_fields_.Set(date_and_server_, *context_->response_headers.Get());
}

}  // namespace target_eye
