#include "publish/file_sd/folders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/name_list.h"

namespace target_eye {

std::unexpected<Error> IoError(std::string_view what, const std::string& path,
                               const std::error_code& error) {
  return MakeError(ErrorCode::kIo, fmt::format("cannot {} {}: {}", what, path, error.message()));
}

std::string Folders::PathOf(std::string_view name) const {
  return fmt::format("{}/{}/{}", path, kHiddenFolder, name);
}

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

Expected<UniqueFd> MakeFolders(Folders& folders) {
  std::error_code error;
  folders.hidden =
      OpenOrMakeDirectoryAt(folders.directory.get(), std::string(kHiddenFolder), 0755, error);
  if (error) return IoError("make or open the folder", folders.path + "/.target-eye", error);
  UniqueFd staging =
      OpenOrMakeDirectoryAt(folders.hidden.get(), std::string(kStagingFolder), 0700, error);
  if (error) return IoError("make or open the folder", folders.PathOf(kStagingFolder), error);
  return staging;
}

Expected<std::string> ReadHidden(const Folders& folders, const std::string& name) {
  if (!folders.hidden) return std::string();
  std::error_code error;
  std::string text = ReadFileAt(folders.hidden.get(), name, kNameListLimitBytes, error);
  if (error && error != std::errc::no_such_file_or_directory) {
    return IoError("read", folders.PathOf(name), error);
  }
  return text;
}

Expected<void> WriteHidden(const Folders& folders, const UniqueFd& staging, const std::string& name,
                           std::string_view text) {
  std::error_code error;
  ReplaceFileAt(folders.hidden.get(), staging.get(), name, std::array<std::string_view, 1>{text},
                error);
  if (!error && (fsync(folders.hidden.get()) != 0 || fsync(folders.directory.get()) != 0)) {
    error = LastError();
  }
  if (error) return IoError("write", folders.PathOf(name), error);
  return {};
}

Expected<void> RemoveHidden(const Folders& folders, const std::string& name) {
  if (!folders.hidden) return {};
  if (unlinkat(folders.hidden.get(), name.c_str(), 0) != 0) {
    if (errno == ENOENT) return {};
    return IoError("remove", folders.PathOf(name), LastError());
  }
  if (fsync(folders.hidden.get()) != 0) {
    return IoError("write", folders.path + "/.target-eye", LastError());
  }
  return {};
}

std::string Numbered(const std::string& name, int number) {
  return number == 0 ? name : fmt::format("{}.{}", name, number);
}

}  // namespace target_eye
