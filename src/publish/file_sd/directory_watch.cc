#include "publish/file_sd/directory_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>

namespace target_eye {
namespace {

constexpr std::uint32_t kWritten = IN_MODIFY | IN_CLOSE_WRITE;
constexpr std::uint32_t kWatched = kWritten | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                   IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
// More than the kernel keeps by default is not read in one go: whoever makes events faster than
// they are read must not hold the reader.
constexpr int kMaxReads = 64;

// Those that change without this machine's doing, of which inotify then says nothing.
bool IsChangedFromElsewhere(const std::string& path) {
  constexpr std::array<std::uint32_t, 9> kMagics = {
      NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC, FUSE_SUPER_MAGIC,
      V9FS_MAGIC,      AFS_SUPER_MAGIC, CEPH_SUPER_MAGIC, 0x786f4256 /* VirtualBox's folders */};
  struct statfs status{};
  return statfs(path.c_str(), &status) == 0 &&
         std::ranges::find(kMagics, static_cast<std::uint32_t>(status.f_type)) != kMagics.end();
}

}  // namespace

Expected<std::unique_ptr<DirectoryWatch>> DirectoryWatch::Make() {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot make an eventfd: {}; raise the limit of "
                                                 "open files",
                                                 std::generic_category().message(errno)));
  }
  return std::unique_ptr<DirectoryWatch>(new DirectoryWatch(std::move(wake)));
}

DirectoryWatch::DirectoryWatch(UniqueFd wake)
    : wake_(std::move(wake)),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      mounts_(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {}

void DirectoryWatch::Watch(const std::string& path) {
  // The system may have had none to give at the start.
  if (!inotify_) inotify_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (watch_ >= 0) inotify_rm_watch(inotify_.get(), watch_);
  watch_ = inotify_ ? inotify_add_watch(inotify_.get(), path.c_str(), kWatched) : -1;
  hears_ = watch_ >= 0 && !IsChangedFromElsewhere(path);
}

void DirectoryWatch::Wake() {
  constexpr std::uint64_t kOne = 1;
  // Fails only where so many wait already that it makes no difference.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &kOne, sizeof kOne);
}

bool DirectoryWatch::Sleep(std::optional<std::chrono::nanoseconds> time, bool listening) {
  // A descriptor of -1 is passed over.
  std::array<pollfd, 3> descriptors = {{{wake_.get(), POLLIN, 0},
                                        {listening ? inotify_.get() : -1, POLLIN, 0},
                                        {listening ? mounts_.get() : -1, POLLPRI, 0}}};
  timespec wait{};
  if (time) {
    const auto left = std::max(*time, std::chrono::nanoseconds::zero());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    wait = {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
  }
  if (ppoll(descriptors.data(), descriptors.size(), time ? &wait : nullptr, nullptr) <= 0) {
    return false;
  }
  std::uint64_t woken = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_.get(), &woken, sizeof woken);
  // The kernel says it once for each change.
  if ((descriptors[2].revents & POLLPRI) != 0) mounts_changed_ = true;
  return mounts_changed_ || (descriptors[1].revents & POLLIN) != 0;
}

DirectoryWatch::Heard DirectoryWatch::Take() {
  Heard heard;
  heard.anything = std::exchange(mounts_changed_, false);
  if (inotify_) Read(heard);
  return heard;
}

void DirectoryWatch::Read(Heard& heard) {
  alignas(inotify_event) std::array<char, kBufferBytes> buffer;
  for (int reads = 0;; ++reads) {
    const ssize_t bytes = read(inotify_.get(), buffer.data(), buffer.size());
    if (bytes <= 0) return;
    if (reads == kMaxReads) {
      heard.anything = true;
      return;
    }
    for (ssize_t at = 0; at < bytes;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      if ((event.mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) != 0) heard.anything = true;
      if (event.len > 0) {
        const std::string_view name = buffer.data() + at + sizeof event;
        heard.touched.emplace(name);
        if ((event.mask & kWritten) != 0) heard.written.emplace(name);
      }
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
}

}  // namespace target_eye
