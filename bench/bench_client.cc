// Load for the benchmarks that wrk cannot give: a fixed number of registrations, a fixed rate with
// latencies from the time a request was due, and what one fsync costs.
//
//   bench_client fill PORT GROUPS TARGETS CONNECTIONS    registers GROUPS groups of TARGETS targets
//   bench_client paced PORT RATE SECONDS CONNECTIONS     PUTs over 500 groups; latency percentiles
//   bench_client fsync FILE RATE SECONDS                 4 KiB overwrites with fdatasync;
//   percentiles
//
// Prints one JSON object.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSyncedPages = 1000;

// One keep-alive connection to a server on this machine.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd_ < 0) {
      throw std::runtime_error("cannot make a socket");
    }
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what the socket interface takes
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(fd_); }

  void Put(std::string_view path, std::string_view body) {
    const std::string request = fmt::format(
        "PUT {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        path, body.size(), body);
    if (write(fd_, request.data(), request.size()) != static_cast<ssize_t>(request.size())) {
      throw std::runtime_error("cannot send");
    }
    ReadResponse();
  }

 private:
  void ReadResponse() {
    std::string response;
    std::array<char, 16384> buffer{};
    while (true) {
      const ssize_t size = read(fd_, buffer.data(), buffer.size());
      if (size <= 0) {
        throw std::runtime_error("the server closed the connection");
      }
      response.append(buffer.data(), static_cast<std::size_t>(size));
      const auto end = response.find("\r\n\r\n");
      if (end == std::string::npos) {
        continue;
      }
      const auto length = response.find("Content-Length: ");
      if (length == std::string::npos || length > end) {
        throw std::runtime_error("no Content-Length");
      }
      const auto body = std::strtoul(response.c_str() + length + 16, nullptr, 10);
      if (response.size() >= end + 4 + body) {
        break;
      }
    }
    if (!response.starts_with("HTTP/1.1 200")) {
      throw std::runtime_error(response);
    }
  }

  int fd_;
};

std::string Body(int group, int targets, int variant) {
  std::string body = "{\"targets\":[";
  for (int i = 0; i < targets; ++i) {
    fmt::format_to(std::back_inserter(body), "{}\"node-{}-{}.example.net:{}\"", i == 0 ? "" : ",",
                   group, i, 1024 + variant % 60000);
  }
  return body + R"(],"labels":{"team":"observability"}})";
}

double Milliseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void PrintPercentiles(std::vector<double>& latencies_ms) {
  std::ranges::sort(latencies_ms);
  const auto at = [&](double share) {
    const auto last = static_cast<double>(latencies_ms.size() - 1);
    return latencies_ms.at(static_cast<std::size_t>(share * last));
  };
  fmt::print("{{\"count\":{},\"p50_ms\":{:.3f},\"p99_ms\":{:.3f},\"max_ms\":{:.3f}}}\n",
             latencies_ms.size(), at(0.5), at(0.99), at(1));
}

void Fill(int port, int groups, int targets, int connections) {
  const auto began = Clock::now();
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(connections));
  for (int c = 0; c < connections; ++c) {
    threads.emplace_back([&] {
      Connection connection(port);
      for (int i = next++; i < groups; i = next++) {
        connection.Put(fmt::format("/service-{}/prod", i), Body(i, targets, 0));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  fmt::print("{{\"seconds\":{:.3f}}}\n", Milliseconds(Clock::now() - began) / 1000);
}

// Each request is due at its own time, and late ones count from then: a stall is not hidden. The
// first is due after half a second, in which the connections are made.
void Paced(int port, int rate, int seconds, int connections) {
  const int total = rate * seconds;
  const auto began = Clock::now() + std::chrono::milliseconds(500);
  std::atomic<int> next = 0;
  std::vector<std::vector<double>> latencies(static_cast<std::size_t>(connections));
  std::vector<std::thread> threads;
  threads.reserve(latencies.size());
  for (auto& mine : latencies) {
    threads.emplace_back([&] {
      Connection connection(port);
      for (int i = next++; i < total; i = next++) {
        const auto due = began + std::chrono::nanoseconds(1'000'000'000LL * i / rate);
        std::this_thread::sleep_until(due);
        connection.Put(fmt::format("/service-{}/prod", i % 500), Body(i % 500, 2, i));
        mine.push_back(Milliseconds(Clock::now() - due));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::vector<double> all;
  for (const auto& mine : latencies) {
    all.insert(all.end(), mine.begin(), mine.end());
  }
  PrintPercentiles(all);
}

// Each is due at its own time, as the requests are.
void Fsync(const char* path, int rate, int seconds) {
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    throw std::runtime_error("cannot make the file");
  }
  const std::string page(4096, 'x');
  // Over blocks that the file has already, as a write-ahead log does: growing a file costs more.
  for (int i = 0; i < kSyncedPages; ++i) {
    if (pwrite(file, page.data(), page.size(), static_cast<off_t>(i) * 4096) < 0) {
      throw std::runtime_error("cannot write");
    }
  }
  fsync(file);
  std::vector<double> latencies;
  const auto began = Clock::now();
  for (int i = 0; i < rate * seconds; ++i) {
    const auto due = began + std::chrono::nanoseconds(1'000'000'000LL * i / rate);
    std::this_thread::sleep_until(due);
    if (pwrite(file, page.data(), page.size(), static_cast<off_t>(i % kSyncedPages) * 4096) < 0 ||
        fdatasync(file) != 0) {
      throw std::runtime_error("cannot write");
    }
    latencies.push_back(Milliseconds(Clock::now() - due));
  }
  close(file);
  unlink(path);
  PrintPercentiles(latencies);
}

int Number(const char* text) { return static_cast<int>(std::strtol(text, nullptr, 10)); }

int Run(int argc, char** argv) {
  const std::vector<const char*> arguments(argv + 1, argv + argc);
  const std::string_view mode = arguments.empty() ? "" : arguments[0];
  if (mode == "fill" && arguments.size() == 5) {
    Fill(Number(arguments[1]), Number(arguments[2]), Number(arguments[3]), Number(arguments[4]));
  } else if (mode == "paced" && arguments.size() == 5) {
    Paced(Number(arguments[1]), Number(arguments[2]), Number(arguments[3]), Number(arguments[4]));
  } else if (mode == "fsync" && arguments.size() == 4) {
    Fsync(arguments[1], Number(arguments[2]), Number(arguments[3]));
  } else {
    fmt::print(stderr, "usage: at the head of bench_client.cc\n");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench_client: {}\n", e.what());
    return 1;
  }
}
