#include "publish/file_sd/import/import_hold.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "codec/group_json.h"
#include "codec/percent.h"
#include "publish/file_sd/aside.h"
#include "publish/file_sd/file_names.h"
#include "publish/file_sd/folders.h"
#include "util/sha256_stream.h"
#include "util/shell_quoted.h"

namespace target_eye {
namespace {

constexpr std::string_view kFileLine = "file";
constexpr std::string_view kTakenLine = "taken";
constexpr std::size_t kContentDigestBytes = 16;

const std::string kHeld(kHeldList);
const std::string kAccepted(kAcceptedList);

// The words of `line`, decoded; a word that is `-` is empty.
std::optional<std::vector<std::string>> Words(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    auto decoded = PercentDecode(word == "-" ? "" : word);
    if (!decoded) return std::nullopt;
    words.push_back(*std::move(decoded));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::string Word(std::string_view text) { return text.empty() ? "-" : PercentEncode(text); }

Expected<ImportHold> ReadList(const std::string& directory, const std::string& name) {
  const auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  const auto text = ReadHidden(*folders, name);
  if (!text) return std::unexpected(text.error());
  return DecodeHold(*text);
}

}  // namespace

bool ImportHold::Has(std::string_view name) const {
  return std::ranges::any_of(files, [&](const HeldFile& file) { return file.name == name; });
}

std::string ContentDigest(const TargetGroup& group) {
  return Hex(Sha256(EncodeGroup(group)), kContentDigestBytes);
}

std::string EncodeHold(const ImportHold& hold) {
  std::string text;
  for (const HeldFile& file : hold.files) {
    text += fmt::format("{} {} {} {} {}\n", kFileLine, Word(file.name), Word(file.digest),
                        Word(file.kept), Word(file.reason));
  }
  for (const std::string& digest : hold.taken) text += fmt::format("{} {}\n", kTakenLine, digest);
  return text;
}

ImportHold DecodeHold(std::string_view text) {
  constexpr std::size_t kFileWords = 5;
  ImportHold hold;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    auto words = Words(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!words || words->empty()) continue;
    auto& all = *words;
    if (all[0] == kFileLine && all.size() == kFileWords) {
      hold.files.push_back(
          {std::move(all[1]), std::move(all[2]), std::move(all[4]), std::move(all[3])});
    } else if (all[0] == kTakenLine && all.size() == 2) {
      hold.taken.insert(std::move(all[1]));
    }
  }
  return hold;
}

Expected<ImportHold> ReadHold(const std::string& directory) { return ReadList(directory, kHeld); }

Expected<ImportHold> ReadAccepted(const std::string& directory) {
  return ReadList(directory, kAccepted);
}

Expected<void> WriteHold(const std::string& directory, const ImportHold& hold) {
  auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  const auto staging = MakeFolders(*folders);
  if (!staging) return std::unexpected(staging.error());
  return WriteHidden(*folders, *staging, kHeld, EncodeHold(hold));
}

Expected<void> RemoveHold(const std::string& directory) {
  const auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  return RemoveHidden(*folders, kHeld);
}

Expected<std::string> KeepHeldCopy(const std::string& directory, const std::string& name) {
  auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  const auto staging = MakeFolders(*folders);
  if (!staging) return std::unexpected(staging.error());
  return CopyAside({folders->directory.get(), folders->hidden.get(), staging->get()}, name);
}

Expected<std::vector<HeldFile>> AcceptLoss(const std::string& directory) {
  const auto folders = OpenFolders(directory);
  if (!folders) return std::unexpected(folders.error());
  if (!folders->hidden) {
    return Invalid(
        fmt::format("target-eye does not publish to {}: there is no folder {} in it; "
                    "expected the directory that Prometheus reads",
                    directory, kHiddenFolder));
  }
  const auto text = ReadHidden(*folders, kHeld);
  if (!text) return std::unexpected(text.error());
  ImportHold hold = DecodeHold(*text);
  const int hidden = folders->hidden.get();
  if (renameat(hidden, kHeld.c_str(), hidden, kAccepted.c_str()) != 0) {
    if (errno == ENOENT) return std::vector<HeldFile>{};
    return IoError("write", folders->PathOf(kAccepted), LastError());
  }
  if (fsync(hidden) != 0) return IoError("write", folders->PathOf(kAccepted), LastError());
  return std::move(hold.files);
}

std::string HoldMessage(const std::string& directory, const std::vector<HeldFile>& files) {
  constexpr std::size_t kNamed = 3;
  std::string named;
  for (std::size_t i = 0; i < std::min(files.size(), kNamed); ++i) {
    named += fmt::format("{}{} ({})", i == 0 ? "" : "; ", files[i].name, files[i].reason);
  }
  if (files.size() > kNamed) named += fmt::format("; and {} more", files.size() - kNamed);
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(directory, ignored);
  return fmt::format(
      "publication is held, so that Prometheus loses nothing: there was no state, and what it "
      "reads "
      "could not be taken over whole: {}. Repair it where it is and start again; or give up what "
      "could not be taken over, by the command: target-eye accept-loss {}",
      named, ShellQuoted(ignored ? directory : absolute.string()));
}

}  // namespace target_eye
