#include "publish/file_sd/import/import_list.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <set>
#include <utility>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/folders.h"
#include "publish/file_sd/name_list.h"
#include "util/atomic_file.h"
#include "util/rename_onto_nothing.h"

namespace target_eye {
namespace {

const std::string kListName(kImportingList);
const std::string kImported(kImportedFolder);

constexpr std::size_t kMaxCopyBytes = std::size_t{64} << 20;
// Names that are tried for a file in the folder `imported`: where none of them is free, or can be
// looked at, another one would not be either.
constexpr int kMostNames = 1000;

// The names that a list in the hidden folder holds; none where it is missing.
Expected<std::vector<std::string>> ReadList(const Folders& folders, std::string_view name) {
  const auto text = ReadHidden(folders, std::string(name));
  if (!text) return std::unexpected(text.error());
  return DecodeNames(*text);
}

// Moves `name` to the first free name in `imported`, never over what is there.
std::error_code MoveAway(int directory, int imported, const std::string& name) {
  std::error_code error;
  for (int number = 0; number < kMostNames; ++number) {
    error = RenameOntoNothing(directory, name, imported, Numbered(name, number));
    if (error != std::errc::file_exists) break;
  }
  return error;
}

}  // namespace

Expected<void> BeginImport(const std::string& directory, const std::vector<std::string>& names) {
  auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  const auto staging = MakeFolders(*folders);
  if (!staging) return std::unexpected(staging.error());
  return WriteHidden(*folders, *staging, kListName, EncodeNames(names));
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
  const auto published = ReadList(*folders, kPublishedList);
  if (!published) return std::unexpected(published.error());
  const std::set<std::string> ours(published->begin(), published->end());

  std::error_code error;
  const UniqueFd imported = OpenOrMakeDirectoryAt(folders->hidden.get(), kImported, 0755, error);
  if (error) return IoError("make or open the folder", folders->PathOf(kImported), error);
  // One that stays is no reason to leave the others.
  std::optional<std::pair<std::string, std::error_code>> left;
  for (const std::string& name : *names) {
    if (ours.contains(name)) continue;
    error = MoveAway(folders->directory.get(), imported.get(), name);
    if (error && error != std::errc::no_such_file_or_directory && !left) left.emplace(name, error);
  }
  if (left) {
    return IoError("move to the folder imported", fmt::format("{}/{}", directory, left->first),
                   left->second);
  }
  // The moves must be kept before the list that would repeat them is gone.
  if (fsync(imported.get()) != 0 || fsync(folders->directory.get()) != 0) {
    return IoError("write", folders->PathOf(kImported), LastError());
  }
  return RemoveHidden(*folders, kListName);
}

Expected<Sha256Digest> KeepImportedCopy(int directory, int hidden, int staging,
                                        const std::string& name) {
  std::error_code error;
  const UniqueFd imported = OpenOrMakeDirectoryAt(hidden, kImported, 0755, error);
  if (error) return IoError("make or open the folder", kImported, error);
  const std::string text = ReadFileAt(directory, name, kMaxCopyBytes, error);
  if (error) return IoError("read", name, error);
  for (int number = 0; number < kMostNames; ++number) {
    const std::string to = Numbered(name, number);
    const std::string there = ReadFileAt(imported.get(), to, kMaxCopyBytes, error);
    if (!error && there == text) return Sha256(text);
    if (error != std::errc::no_such_file_or_directory) continue;
    ReplaceFileAt(imported.get(), staging, to, std::array<std::string_view, 1>{text}, error);
    if (!error && fsync(imported.get()) != 0) error = LastError();
    if (error) return IoError("copy to the folder imported", name, error);
    return Sha256(text);
  }
  if (!error) error = std::make_error_code(std::errc::file_exists);
  return IoError("copy to the folder imported", name, error);
}

}  // namespace target_eye
