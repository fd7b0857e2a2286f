#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/http_handler.h"
#include "http/http_server.h"
#include "telemetry/metrics.h"
#include "util/unique_fd.h"

namespace target_eye {

// For tests: a client that sends exactly the bytes it is told to.
class RawClient {
 public:
  // `address`: `127.0.0.1:PORT`.
  explicit RawClient(const std::string& address) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port =
        htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)));
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  // Gives false once the server takes no more.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  void SendByteByByte(std::string_view bytes) {
    for (const char& c : bytes) {
      if (!Send({&c, 1})) return;
    }
  }
  void EndSending() { ::shutdown(fd_.get(), SHUT_WR); }
  // Lets go of the connection with a reset.
  void Vanish() {
    const linger hard{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    fd_.Reset();
  }
  int fd() const { return fd_.get(); }

  // Reads until `enough` says so, or the server ends the connection; what was read before is kept.
  const std::string& ReadUntil(const std::function<bool(std::string_view)>& enough) {
    char buffer[16384];
    while (!closed_ && !reset_ && !enough(got_)) {
      pollfd ready{fd_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 20000) != 1) {
        ADD_FAILURE() << "no answer in 20 s; so far: " << got_;
        break;
      }
      const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      if (n > 0) got_.append(buffer, static_cast<std::size_t>(n));
      if (n == 0) closed_ = true;
      if (n < 0) reset_ = true;
    }
    return got_;
  }
  const std::string& ReadToEnd() {
    return ReadUntil([](std::string_view) { return false; });
  }
  // Takes one response with a Content-Length off what comes in.
  std::string ReadResponse() {
    std::size_t whole = 0;
    ReadUntil([&](std::string_view text) {
      const std::size_t head = text.find("\r\n\r\n");
      if (head == std::string_view::npos) return false;
      whole = head + 4;
      const std::size_t length = text.substr(0, head).find("Content-Length: ");
      if (length != std::string_view::npos) {
        whole += static_cast<std::size_t>(std::atoll(text.data() + length + 16));
      }
      return text.size() >= whole;
    });
    std::string response = got_.substr(0, whole);
    got_.erase(0, whole);
    return response;
  }
  // The server ended the connection in an orderly way, so that everything it sent was read.
  bool closed() const { return closed_; }

 private:
  UniqueFd fd_;
  std::string got_;
  bool closed_ = false;
  bool reset_ = false;
};

inline int StatusOf(std::string_view response) {
  return response.starts_with("HTTP/1.1 ") ? std::atoi(response.data() + 9) : -1;
}
inline std::string BodyOf(const std::string& response) {
  const std::size_t head = response.find("\r\n\r\n");
  return head == std::string::npos ? "" : response.substr(head + 4);
}

// For tests: answers with what it was asked. Requests for `/later...` are answered when the test
// says so, from another thread; those for `/stream...` with a stream that the test writes, behind
// what it was asked.
class EchoHandler : public HttpHandler {
 public:
  void Handle(const HttpRequest& request, Respond respond) override {
    handled_.fetch_add(1);
    HttpResponse response;
    response.content_type = "text/plain";
    response.handler = "echo";
    response.body = std::string(request.method) + " " + std::string(request.path) + "?" +
                    std::string(request.query) + " [" + std::string(request.content_type) + "] " +
                    std::string(request.body);
    if (request.path == "/certificate") {
      response.body = request.certificate ? request.certificate->common_name : "none";
    }
    if (request.path == "/peer") response.body = request.peer;
    if (request.path.starts_with("/large")) response.body.assign(kLargeBytes, 'L');
    if (request.path == "/shared") {
      response.shared_body = std::make_shared<const std::string>(kLargeBytes, 'L');
    }
    if (request.path == "/same") {
      static const auto same = std::make_shared<const std::string>(kLargeBytes, 'L');
      response.shared_body = same;
    }
    if (request.path.starts_with("/stream")) {
      auto [stream, reader] = MakeStream(request);
      response.stream = std::move(reader);
      const std::lock_guard lock(mutex_);
      streams_.push_back(std::move(stream));
    }
    if (request.path.starts_with("/later")) {
      const std::lock_guard lock(mutex_);
      later_.emplace_back(std::move(respond), std::move(response));
      arrived_.notify_all();
      return;
    }
    respond(std::move(response));
  }

  // As Handle, for `/later...`; what is below `/denied` is refused.
  void HandleHead(const HttpRequest& request, Respond respond) override {
    HttpResponse response{
        .status = request.path.starts_with("/denied") ? 403 : 100, .body = "denied", .headers = {}};
    if (!request.path.starts_with("/later")) return respond(std::move(response));
    const std::lock_guard lock(mutex_);
    later_.emplace_back(std::move(respond), std::move(response));
    arrived_.notify_all();
  }

  // What is below `/-/` is exempt from all that a handler may exempt.
  PathRules RulesOf(std::string_view path) const override {
    const bool own = path.starts_with("/-/");
    return {.exempt_from_request_limit = own, .any_host = own, .linkable = own};
  }

  int handled() const { return handled_.load(); }

  // Waits until `count` requests are held back.
  void AwaitHeld(std::size_t count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        arrived_.wait_for(lock, std::chrono::seconds(20), [&] { return later_.size() >= count; }));
  }
  // Answers all that are held back, from the calling thread.
  void Release() {
    std::vector<std::pair<Respond, HttpResponse>> now;
    {
      const std::lock_guard lock(mutex_);
      now.swap(later_);
    }
    for (auto& [respond, response] : now) respond(std::move(response));
  }

  // The streams that were made, the first `count` of them.
  std::vector<std::shared_ptr<ResponseStream>> AwaitStreams(std::size_t count) {
    for (int i = 0; i < 20'000; ++i) {
      {
        const std::lock_guard lock(mutex_);
        if (streams_.size() >= count) return streams_;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "no stream was made in 20 s";
    return std::vector<std::shared_ptr<ResponseStream>>(count);
  }

  static constexpr std::size_t kLargeBytes = 8 << 20;

 private:
  std::atomic<int> handled_ = 0;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::pair<Respond, HttpResponse>> later_;
  std::vector<std::shared_ptr<ResponseStream>> streams_;
};

// For tests: a server on a free port, with the EchoHandler.
class HttpServerFixture : public testing::Test {
 protected:
  // As `options_` say.
  void Serve() {
    server_.emplace(options_, handler_, metrics_);
    const auto listening = server_->Listen();
    ASSERT_TRUE(listening.has_value()) << listening.error().message;
    server_->Start();
  }
  const std::string& address() const { return server_->addresses().front(); }
  RawClient Connect() const { return RawClient(address()); }
  // One request, and everything that comes back until the server closes.
  std::string Exchange(std::string_view bytes) {
    RawClient client = Connect();
    client.Send(bytes);
    std::string answer = client.ReadToEnd();
    EXPECT_TRUE(client.closed()) << "reset instead of closed, after: " << answer;
    return answer;
  }

  HttpServerOptions options_ = [] {
    HttpServerOptions options;
    options.bind = {"127.0.0.1:0"};
    options.threads = 2;
    return options;
  }();
  EchoHandler handler_;
  Metrics metrics_;
  std::optional<HttpServer> server_;
};

}  // namespace target_eye
