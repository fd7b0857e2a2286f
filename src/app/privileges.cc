#include "app/privileges.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <optional>
#include <system_error>

#include "util/unique_fd.h"

namespace target_eye {
namespace {

std::optional<unsigned> Number(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

std::string SystemError() { return std::generic_category().message(errno); }

std::unexpected<Error> CannotWritePid(const std::string& path) {
  return MakeError(ErrorCode::kIo, fmt::format("cannot write {} (PID_PATH): {}; choose a path that "
                                               "this user may write",
                                               path, SystemError()));
}

}  // namespace

Expected<void> DropPrivileges(const std::string& user, const std::string& group,
                              std::span<const std::string> files) {
  if (user.empty() && group.empty()) {
    return {};
  }
  uid_t uid = geteuid();
  gid_t gid = getegid();
  const passwd* entry = nullptr;
  if (!user.empty()) {
    const auto id = Number(user);
    entry = id ? getpwuid(*id) : getpwnam(user.c_str());
    if (entry == nullptr && !id) {
      return Invalid(fmt::format("USER: there is no user {}", Quote(user)));
    }
    uid = entry != nullptr ? entry->pw_uid : *id;
    gid = entry != nullptr ? entry->pw_gid : *id;
  }
  if (!group.empty()) {
    const auto id = Number(group);
    const ::group* found = id ? nullptr : getgrnam(group.c_str());
    if (!id && found == nullptr) {
      return Invalid(fmt::format("GROUP: there is no group {}", Quote(group)));
    }
    gid = id ? *id : found->gr_gid;
  }
  // Even where the process is them already: a directory may give its own group to what is made in
  // it.
  for (const std::string& file : files) {
    if (lchown(file.c_str(), uid, gid) != 0) {
      return MakeError(
          ErrorCode::kIo,
          fmt::format("cannot give {} to user {}: {}; start as root, or unset USER and "
                      "GROUP",
                      file, uid, SystemError()));
    }
  }
  if (uid == geteuid() && gid == getegid()) {
    return {};
  }
  const bool groups_set = entry != nullptr && group.empty() ? initgroups(entry->pw_name, gid) == 0
                                                            : setgroups(1, &gid) == 0;
  if (!groups_set || setgid(gid) != 0 || setuid(uid) != 0) {
    return MakeError(ErrorCode::kIo, fmt::format("cannot become user {} and group {}: {}; start as "
                                                 "root, or unset USER and GROUP",
                                                 uid, gid, SystemError()));
  }
  return {};
}

void RaiseOpenFilesLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

Expected<void> WritePidFile(const std::string& path) {
  if (path.empty()) {
    return {};
  }
  std::ofstream file(path, std::ios::trunc);
  file << getpid() << '\n';
  file.close();
  if (!file) return CannotWritePid(path);
  return {};
}

Expected<void> TryPidFile(const std::string& path) {
  if (path.empty()) return {};
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  if (!file) return CannotWritePid(path);
  return {};
}

void RemovePidFile(const std::string& path) {
  pid_t written = 0;
  if (!path.empty() && std::ifstream(path) >> written && written == getpid()) {
    unlink(path.c_str());
  }
}

}  // namespace target_eye
