#include "util/rename_onto_nothing.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

namespace target_eye {
namespace {

std::error_code LastError() { return {errno, std::generic_category()}; }

}  // namespace

std::error_code RenameOntoNothing(int from_directory, const std::string& from, int to_directory,
                                  const std::string& to) {
  if (renameat2(from_directory, from.c_str(), to_directory, to.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  if (errno != EINVAL && errno != ENOSYS) return LastError();
  struct stat status{};
  if (fstatat(to_directory, to.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return std::make_error_code(std::errc::file_exists);
  }
  if (errno != ENOENT || renameat(from_directory, from.c_str(), to_directory, to.c_str()) != 0) {
    return LastError();
  }
  return {};
}

}  // namespace target_eye
