#include "util/file_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

namespace target_eye {
namespace {

std::int64_t Nanoseconds(const statx_timestamp& time) {
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

FileMark Mark(int at, const char* name, int flags, std::error_code& error) {
  error.clear();
  struct statx status{};
  if (statx(at, name, flags | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &status) != 0) {
    error = {errno, std::generic_category()};
    return {};
  }
  return {.device = makedev(status.stx_dev_major, status.stx_dev_minor),
          .inode = status.stx_ino,
          .mode = status.stx_mode,
          .owner = status.stx_uid,
          .group = status.stx_gid,
          .size = status.stx_size,
          .modified_ns = Nanoseconds(status.stx_mtime),
          .changed_ns = Nanoseconds(status.stx_ctime),
          .is_mount = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0};
}

}  // namespace

FileMark MarkOf(int directory, const std::string& name, std::error_code& error) {
  return Mark(directory, name.c_str(), AT_SYMLINK_NOFOLLOW, error);
}

FileMark MarkOf(int file, std::error_code& error) { return Mark(file, "", AT_EMPTY_PATH, error); }

bool IsReadableByAll(const FileMark& mark) {
  constexpr mode_t kReadable = S_IRUSR | S_IRGRP | S_IROTH;
  return (mark.mode & kReadable) == kReadable;
}

}  // namespace target_eye
