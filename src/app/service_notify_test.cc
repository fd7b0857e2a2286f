#include "app/service_notify.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "util/testing/temp_directory.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

// What a service manager has on the other end.
class Manager {
 public:
  // The bytes of the address, a leading zero for an abstract one.
  explicit Manager(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  }

  // A datagram is there as soon as it was sent: nothing need be waited for.
  std::optional<std::string> Next() {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return std::nullopt;
    return std::string(buffer.data(), static_cast<std::size_t>(size));
  }

 private:
  const UniqueFd fd_;
};

TEST(ServiceNotifyTest, LifeOfAServiceIsToldInOrder) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/notify";
  Manager manager(path);
  ServiceNotify notify(path);
  notify.Ready();
  notify.Reloading();
  notify.Ready();
  notify.Stopping();
  EXPECT_EQ(manager.Next(), "READY=1\nSTATUS=ready");
  EXPECT_THAT(manager.Next().value_or(""),
              MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*\nSTATUS=reloading"));
  EXPECT_EQ(manager.Next(), "READY=1\nSTATUS=ready");
  EXPECT_EQ(manager.Next(), "STOPPING=1\nSTATUS=stopping");
  EXPECT_EQ(manager.Next(), std::nullopt);
}

TEST(ServiceNotifyTest, AbstractSocketIsReached) {
  const std::string name = fmt::format("target-eye-test-{}", ::getpid());
  Manager manager(std::string(1, '\0') + name);
  ServiceNotify notify("@" + name);
  notify.Ready();
  EXPECT_EQ(manager.Next(), "READY=1\nSTATUS=ready");
}

TEST(ServiceNotifyTest, ReloadDuringTheStartIsNotTold) {
  const TempDirectory directory;
  const std::string path = directory.path() + "/notify";
  Manager manager(path);
  ServiceNotify notify(path);
  notify.Reloading();
  EXPECT_EQ(manager.Next(), std::nullopt);
}

TEST(ServiceNotifyTest, WithoutAServiceManagerNothingIsLogged) {
  testing::internal::CaptureStderr();
  ServiceNotify notify("");
  notify.Ready();
  notify.Stopping();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// Gives what is logged when `socket` is told twice.
std::string LogOf(const std::string& socket) {
  testing::internal::CaptureStderr();
  ServiceNotify notify(socket);
  notify.Ready();
  notify.Stopping();
  return testing::internal::GetCapturedStderr();
}

TEST(ServiceNotifyTest, SocketThatCannotBeReachedIsOneWarning) {
  const TempDirectory directory;
  const std::string log = LogOf(directory.path() + "/nobody");
  EXPECT_THAT(log, HasSubstr("level=warning"));
  EXPECT_THAT(log, HasSubstr("No such file or directory"));
  EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
}

TEST(ServiceNotifyTest, NameThatIsNoSocketIsAWarning) {
  EXPECT_THAT(LogOf("relative/path"), HasSubstr("absolute path"));
  EXPECT_THAT(LogOf("/" + std::string(200, 'a')), HasSubstr("less than 108 characters"));
}

}  // namespace
}  // namespace target_eye
