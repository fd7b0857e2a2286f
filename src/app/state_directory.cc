#include "app/state_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <string_view>
#include <vector>

#include "store/sqlite/sqlite_store.h"
#include "util/shell_quoted.h"
#include "util/unique_fd.h"

namespace target_eye {
namespace {

namespace fs = std::filesystem;

bool Exists(const std::string& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

// The command that renames what there is of a state. The database goes first: a log without it is
// no state, and stops a start.
std::string MoveCommand(const std::string& from, const std::string& to, const std::string& name) {
  std::string command;
  for (const char* const suffix : {"", "-wal"}) {
    const std::string file = from + "/state.db" + suffix;
    if (!Exists(file)) continue;
    command += fmt::format("{}mv -n {} {}", command.empty() ? "" : " && ", ShellQuoted(file),
                           ShellQuoted(fmt::format("{}/{}{}", to, name, suffix)));
  }
  return command;
}

// The command that moves the state out of the way, under a name that is free.
std::string PutAwayCommand(const std::string& directory) {
  const auto is_taken = [&](const std::string& name) {
    const std::string path = fmt::format("{}/{}", directory, name);
    return Exists(path) || Exists(path + "-wal");
  };
  std::string name = "old-state.db";
  for (int number = 1; is_taken(name); ++number) {
    name = fmt::format("old-state-{}.db", number);
  }
  return MoveCommand(directory, directory, name);
}

}  // namespace

std::string StateDirectory(const Config& config) {
  return config.state_directory.empty() ? config.file_sd_directory + "/.target-eye"
                                        : config.state_directory;
}

bool IsStateInUse(const std::string& directory) {
  const UniqueFd lock(open((directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC));
  return lock && flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

Expected<void> CheckStateDirectory(const Config& config) {
  const std::string& chosen = config.state_directory;
  if (chosen.empty()) return {};
  const std::string beside = config.file_sd_directory + "/.target-eye";
  std::error_code error;
  if (fs::equivalent(chosen, beside, error) || !SqliteStore::HoldsState(beside)) return {};
  if (IsStateInUse(beside)) {
    return MakeError(ErrorCode::kInUse,
                     fmt::format("another target-eye publishes to {}, and its state is in {}; stop "
                                 "that one, or give this one another FILE_SD_DIRECTORY",
                                 config.file_sd_directory, beside));
  }
  if (SqliteStore::HoldsState(chosen)) {
    return Invalid(fmt::format(
        "STATE_DIRECTORY is {0}, and a state lies in {1} too, beside the published files: one of "
        "them is left over. To go on with {0}, put the other one away: {2}. To go on with {1}: "
        "{3} && {4}. Nothing was changed",
        chosen, beside, PutAwayCommand(beside), PutAwayCommand(chosen),
        MoveCommand(beside, chosen, "state.db")));
  }
  return Invalid(fmt::format(
      "STATE_DIRECTORY is {0}, where no state is, and a state lies in {1}, beside the published "
      "files. To move it: {2}{3}. To leave it behind and start without it, which takes over what "
      "was last published: {4}. Nothing was changed",
      chosen, beside, Exists(chosen) ? "" : fmt::format("mkdir -p {} && ", ShellQuoted(chosen)),
      MoveCommand(beside, chosen, "state.db"), PutAwayCommand(beside)));
}

}  // namespace target_eye
