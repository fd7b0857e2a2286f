#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <set>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/legacy_import.h"
#include "publish/file_sd/name_list.h"
#include "util/atomic_file.h"

namespace target_eye {
namespace {

const std::string kListName(kImportingList);
const std::string kImported(kImportedFolder);

constexpr std::size_t kMaxCopyBytes = std::size_t{64} << 20;

std::error_code LastError() { return {errno, std::generic_category()}; }

std::unexpected<Error> IoError(std::string_view what, const std::string& path,
                               const std::error_code& error) {
  return MakeError(ErrorCode::kIo, fmt::format("cannot {} {}: {}", what, path, error.message()));
}

// The watched directory and its hidden folder; either may be missing.
struct Folders {
  std::string path;
  UniqueFd directory;
  UniqueFd hidden;
};

// Errors but that something is missing.
Expected<Folders> OpenFolders(const std::string& path) {
  Folders folders{path, {}, {}};
  std::error_code error;
  // The operator's own path may be a link, unlike anything in it: `/.` follows it.
  folders.directory = OpenDirectory(path + "/.", error);
  if (error == std::errc::no_such_file_or_directory) return folders;
  if (error) return IoError("open the directory", path, error);
  const std::string hidden(kHiddenFolder);
  folders.hidden = UniqueFd(openat(folders.directory.get(), hidden.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folders.hidden && errno != ENOENT) {
    return IoError("open the folder", path + "/" + hidden, LastError());
  }
  return folders;
}

// The names that a list in the hidden folder holds; none where it is missing.
Expected<std::vector<std::string>> ReadList(const Folders& folders, const std::string& name) {
  if (!folders.hidden) return std::vector<std::string>{};
  std::error_code error;
  const std::string text = ReadFileAt(folders.hidden.get(), name, kNameListLimitBytes, error);
  if (error && error != std::errc::no_such_file_or_directory) {
    return IoError("read", fmt::format("{}/{}/{}", folders.path, kHiddenFolder, name), error);
  }
  return DecodeNames(text);
}

// `name`, then `name.1`, `name.2`, ...
std::string Numbered(const std::string& name, int number) {
  return number == 0 ? name : fmt::format("{}.{}", name, number);
}

// Moves `name` to the first free name in `imported`, never over what is there.
std::error_code MoveAway(int directory, int imported, const std::string& name) {
  for (int number = 0;; ++number) {
    const std::string to = Numbered(name, number);
    if (renameat2(directory, name.c_str(), imported, to.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EINVAL || errno == ENOSYS) {
      // A file system without that flag: nobody but us writes to this folder.
      struct stat status{};
      if (fstatat(imported, to.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) continue;
      if (errno != ENOENT) return LastError();
      if (renameat(directory, name.c_str(), imported, to.c_str()) == 0) return {};
    }
    if (errno != EEXIST) return LastError();
  }
}

}  // namespace

Expected<void> BeginImport(const std::string& directory, const std::vector<std::string>& names) {
  auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  const std::string hidden = fmt::format("{}/{}", directory, kHiddenFolder);
  std::error_code error;
  folders->hidden =
      OpenOrMakeDirectoryAt(folders->directory.get(), std::string(kHiddenFolder), 0755, error);
  if (error) return IoError("make or open the folder", hidden, error);
  const UniqueFd staging =
      OpenOrMakeDirectoryAt(folders->hidden.get(), std::string(kStagingFolder), 0700, error);
  if (error) return IoError("make or open the folder", hidden + "/staging", error);
  const std::string text = EncodeNames(names);
  ReplaceFileAt(folders->hidden.get(), staging.get(), kListName,
                std::array<std::string_view, 1>{text}, error);
  if (!error && (fsync(folders->hidden.get()) != 0 || fsync(folders->directory.get()) != 0)) {
    error = LastError();
  }
  if (error) return IoError("write", hidden + "/" + kListName, error);
  return {};
}

Expected<std::vector<std::string>> PendingImport(const std::string& directory) {
  const auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  return ReadList(*folders, kListName);
}

Expected<void> FinishImport(const std::string& directory) {
  const auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  if (!folders->hidden) return {};
  const auto names = ReadList(*folders, kListName);
  if (!names) return std::unexpected(names.error());
  const auto published = ReadList(*folders, std::string(kPublishedList));
  if (!published) return std::unexpected(published.error());
  const std::set<std::string> ours(published->begin(), published->end());

  std::error_code error;
  const UniqueFd imported = OpenOrMakeDirectoryAt(folders->hidden.get(), kImported, 0755, error);
  const std::string hidden = fmt::format("{}/{}", directory, kHiddenFolder);
  if (error)
    return IoError("make or open the folder", fmt::format("{}/{}", hidden, kImported), error);
  for (const std::string& name : *names) {
    if (ours.contains(name)) continue;
    error = MoveAway(folders->directory.get(), imported.get(), name);
    if (error && error != std::errc::no_such_file_or_directory) {
      return IoError("move to the folder imported", fmt::format("{}/{}", directory, name), error);
    }
  }
  // The moves must be kept before the list that would repeat them is gone.
  const auto sync = [](const UniqueFd& folder) { return fsync(folder.get()) == 0; };
  if (!sync(imported) || !sync(folders->directory) || !sync(folders->hidden)) {
    return IoError("write", hidden, LastError());
  }
  if (unlinkat(folders->hidden.get(), kListName.c_str(), 0) != 0 && errno != ENOENT) {
    return IoError("remove", hidden + "/" + kListName, LastError());
  }
  if (!sync(folders->hidden)) return IoError("write", hidden, LastError());
  return {};
}

Expected<void> KeepImportedCopy(int directory, int hidden, int staging, const std::string& name) {
  std::error_code error;
  const UniqueFd imported = OpenOrMakeDirectoryAt(hidden, kImported, 0755, error);
  if (error) return IoError("make or open the folder", kImported, error);
  const std::string text = ReadFileAt(directory, name, kMaxCopyBytes, error);
  if (error) return IoError("read", name, error);
  for (int number = 0;; ++number) {
    const std::string to = Numbered(name, number);
    std::error_code found;
    const std::string there = ReadFileAt(imported.get(), to, kMaxCopyBytes, found);
    if (!found && there == text) return {};
    if (found != std::errc::no_such_file_or_directory) continue;
    ReplaceFileAt(imported.get(), staging, to, std::array<std::string_view, 1>{text}, error);
    if (!error && fsync(imported.get()) != 0) error = LastError();
    if (error) return IoError("copy to the folder imported", name, error);
    return {};
  }
}

}  // namespace target_eye
