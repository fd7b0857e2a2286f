#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <system_error>

namespace target_eye {

// What a file looks like from outside. Equal marks mean the same file, untouched in between, as far
// as its time stamps tell: these move in steps of some milliseconds.
struct FileMark {
  dev_t device = 0;
  ino_t inode = 0;
  mode_t mode = 0;
  uid_t owner = 0;
  gid_t group = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  // Its bytes or anything else of it, by the kernel's own clock.
  bool is_mount = false;        // Something is mounted over it: what is seen is that.

  bool operator==(const FileMark&) const = default;
};

// The mark of what has this name; a symbolic link is not followed. On an error (a value of errno;
// ENOENT if nothing has the name) an empty mark. Safe to call from any thread.
FileMark MarkOf(int directory, const std::string& name, std::error_code& error);

// The mark of an open file.
FileMark MarkOf(int file, std::error_code& error);

// Whether its mode lets everybody read it.
bool IsReadableByAll(const FileMark& mark);

}  // namespace target_eye
