#include "util/make_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "util/unique_fd.h"

namespace target_eye {
namespace {

constexpr mode_t kPermissions = 0777;

std::error_code LastError() { return {errno, std::generic_category()}; }

std::string_view WithoutEndingSlashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

// The directory that the last part of `path`, which has no slash at its end, is in.
std::string ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(WithoutEndingSlashes(path.substr(0, slash)));
}

// Undoes what the umask took. By its name, since without the owner's bits it cannot be opened.
std::error_code SetMode(int parent, const std::string& name, mode_t mode) {
  struct stat status{};
  if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return LastError();
  if ((status.st_mode & kPermissions) == mode) return {};
  // The other bits, such as a group that is inherited, are the parent's choice.
  const mode_t rest = status.st_mode & 07777 & ~kPermissions;
  if (fchmodat(parent, name.c_str(), mode | rest, AT_SYMLINK_NOFOLLOW) == 0) return {};
  if (errno != EOPNOTSUPP) return LastError();
  // The C library needs /proc for that.
  const UniqueFd made(
      openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return made && fchmod(made.get(), mode | rest) == 0 ? std::error_code() : LastError();
}

// A parent that may be written but not read cannot be synced, and some file systems sync none.
std::error_code SyncEntry(int parent, const std::string& name) {
  const std::string path = name.starts_with('/') || name.find('/') != std::string::npos
                               ? ParentOf(WithoutEndingSlashes(name))
                               : ".";
  const UniqueFd directory(openat(parent, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || fsync(directory.get()) == 0 || errno == EINVAL) return {};
  return LastError();
}

}  // namespace

bool MakeDirectoryAt(int parent, const std::string& name, mode_t mode, std::error_code& error) {
  error.clear();
  if (mkdirat(parent, name.c_str(), mode) != 0) {
    if (errno != EEXIST) error = LastError();
    return false;
  }
  error = SetMode(parent, name, mode);
  if (!error) error = SyncEntry(parent, name);
  return true;
}

bool MakeDirectories(const std::string& path, mode_t mode, std::error_code& error) {
  error.clear();
  struct stat status{};
  if (stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) error = {ENOTDIR, std::generic_category()};
    return false;
  }
  if (errno != ENOENT) {
    error = LastError();
    return false;
  }
  const std::string name(WithoutEndingSlashes(path));
  if (const std::string parent = ParentOf(name); parent != name) {
    MakeDirectories(parent, mode, error);
    if (error) return false;
  }
  const bool made = MakeDirectoryAt(AT_FDCWD, name, mode, error);
  // Somebody else may have made it meanwhile.
  if (!error && !made && stat(path.c_str(), &status) != 0) {
    error = {EEXIST, std::generic_category()};
  }
  return made;
}

}  // namespace target_eye
