#include "http/net/bind_address.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "util/testing/temp_directory.h"

namespace target_eye {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(ParseBindAddressTest, TakesEveryForm) {
  const auto tcp = [](std::string_view text) {
    return std::get<TcpBind>(ParseBindAddress(text).value());
  };
  EXPECT_EQ(tcp("127.0.0.1:80").host, "127.0.0.1");
  EXPECT_EQ(tcp("127.0.0.1:80").port, "80");
  EXPECT_EQ(tcp("localhost:0").host, "localhost");
  EXPECT_EQ(tcp("[::1]:8000").host, "::1");
  EXPECT_TRUE(tcp("[::1]:8000").v6_literal);
  EXPECT_EQ(tcp(":9090").host, "");
  EXPECT_EQ(std::get<UnixBind>(ParseBindAddress("unix:/run/a:b").value()).path, "/run/a:b");
  EXPECT_EQ(std::get<FdBind>(ParseBindAddress("fd://3").value()).fd, 3);
}

TEST(ParseBindAddressTest, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"",         "host",   "host:",   "host:x",  "host:-1",        "host:+1", "host:65536",
        "host:80x", "::1:80", "[::1]",   "[::1:80", "::1]:80",        "[]:80",   "unix:",
        "fd://",    "fd://x", "fd://-1", "fd://3x", "http://host:80", "a b:80"}) {
    const auto parsed = ParseBindAddress(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(parsed.error().message, HasSubstr("\"" + std::string(text) + "\""));
  }
}

TEST(OpenListenersTest, APortInUseIsNamedWithWhatToDo) {
  const auto first = OpenListeners("127.0.0.1:0", {});
  ASSERT_TRUE(first.has_value());
  const std::string address = first->front().address();
  EXPECT_THAT(address, StartsWith("127.0.0.1:"));
  const auto second = OpenListeners(address, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen on " + address));
  EXPECT_THAT(second.error().message, HasSubstr("BIND"));
}

TEST(OpenListenersTest, AnAddressOfAnotherMachineIsAnError) {
  const auto listeners = OpenListeners("192.0.2.1:0", {});
  ASSERT_FALSE(listeners.has_value());
  EXPECT_EQ(listeners.error().code, ErrorCode::kIo);
}

class UnixSocketTest : public testing::Test {
 protected:
  const TempDirectory directory_;
  const std::string path_ = directory_ / "socket";
  const std::string bind_ = "unix:" + path_;
};

TEST_F(UnixSocketTest, AStaleSocketFileIsReplaced) {
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(OpenListeners(bind_, {}).has_value());
}

TEST_F(UnixSocketTest, ASocketOnWhichSomebodyAnswersIsLeftAlone) {
  const auto first = OpenListeners(bind_, {});
  ASSERT_TRUE(first.has_value());
  const auto second = OpenListeners(bind_, {});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kInUse);
  EXPECT_TRUE(std::filesystem::is_socket(path_));
}

TEST_F(UnixSocketTest, AFileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  const auto listeners = OpenListeners(bind_, {});
  ASSERT_FALSE(listeners.has_value());
  EXPECT_THAT(listeners.error().message, HasSubstr("not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

TEST_F(UnixSocketTest, ASymbolicLinkIsNotFollowed) {
  std::filesystem::create_symlink("/no/such/target", path_);
  EXPECT_FALSE(OpenListeners(bind_, {}).has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(path_));
}

TEST_F(UnixSocketTest, TheFileOfAnotherIsNotRemovedAtTheEnd) {
  {
    const auto listeners = OpenListeners(bind_, {});
    ASSERT_TRUE(listeners.has_value());
    std::filesystem::remove(path_);
    std::ofstream(path_) << "another's";
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, APathThatIsTooLongIsRefused) {
  const auto listeners = OpenListeners("unix:/" + std::string(108, 'x'), {});
  ASSERT_FALSE(listeners.has_value());
  EXPECT_EQ(listeners.error().code, ErrorCode::kInvalid);
}

TEST(OpenListenersTest, ADescriptorMustBeAListeningSocket) {
  const UniqueFd file(::open("/dev/null", O_RDONLY));
  const auto refused = OpenListeners("fd://" + std::to_string(file.get()), {});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);

  UniqueFd listening(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::listen(listening.get(), 1), 0);
  const int fd = listening.Release();
  const auto listeners = OpenListeners("fd://" + std::to_string(fd), {});
  ASSERT_TRUE(listeners.has_value());
  EXPECT_EQ(listeners->front().fd(), fd);
  EXPECT_EQ(listeners->front().address(), "fd://" + std::to_string(fd));
}

TEST(IsReachedFromOutsideTest, OnlyLoopbackAndUnixSocketsAreNot) {
  for (const std::string_view text :
       {"127.0.0.1:80", "127.8.9.1:80", "localhost:80", "LocalHost:80", "[::1]:80",
        "[::ffff:127.0.0.1]:80", "unix:/run/x.sock"}) {
    EXPECT_FALSE(IsReachedFromOutside(text)) << text;
  }
  for (const std::string_view text :
       {"0.0.0.0:80", ":80", "[::]:80", "10.0.0.1:80", "example.org:80", "[::2]:80", "128.0.0.1:80",
        "[::ffff:10.0.0.1]:80"}) {
    EXPECT_TRUE(IsReachedFromOutside(text)) << text;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  for (const std::uint32_t ip : {INADDR_LOOPBACK, INADDR_ANY}) {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
    address.sin_addr.s_addr = htonl(ip);
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(IsReachedFromOutside("fd://" + std::to_string(fd.get())), ip == INADDR_ANY);
  }
}

TEST(FormatPeerTest, ShowsV4InV6AsV4) {
  sockaddr_storage storage{};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(80);
  v6.sin6_addr.s6_addr[15] = 1;
  EXPECT_EQ(FormatPeer(storage), "[::1]:80");
  v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
  EXPECT_EQ(FormatPeer(storage), "0.0.0.1:80");
}

}  // namespace
}  // namespace target_eye
