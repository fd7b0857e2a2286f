#include "publish/file_sd/aside.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/folders.h"
#include "util/atomic_file.h"
#include "util/rename_onto_nothing.h"
#include "util/sha256_stream.h"

namespace target_eye {
namespace {

const std::string kAside(kAsideFolder);

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
// A name of 238 bytes at most (FileNameOf), a dot, and these leave room for a number.
constexpr std::size_t kNameDigestBytes = 6;
constexpr int kMaxNumber = 99;

UniqueFd OpenRegular(int directory, const std::string& name, std::error_code& error) {
  struct stat status{};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    error = LastError();
    return {};
  }
  if (!S_ISREG(status.st_mode)) {
    error = std::make_error_code(S_ISLNK(status.st_mode) ? std::errc::too_many_symbolic_link_levels
                                                         : std::errc::invalid_argument);
    return {};
  }
  UniqueFd file(openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) error = LastError();
  return file;
}

// Hands the rest of the file to `take`, piece by piece, until it returns an error.
std::error_code ReadAll(int file, const std::function<std::error_code(std::string_view)>& take) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kChunkBytes);
  for (;;) {
    const ssize_t n = read(file, buffer.get(), kChunkBytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return LastError();
    if (n == 0) return {};
    if (const auto error = take({buffer.get(), static_cast<std::size_t>(n)})) return error;
  }
}

// Of a file that was opened, unless `error` says that it could not be.
Sha256Digest DigestOf(const UniqueFd& file, std::error_code& error) {
  Sha256Stream hash;
  if (!error) {
    error = ReadAll(file.get(), [&](std::string_view piece) {
      hash.Add(piece);
      return std::error_code();
    });
  }
  return hash.Finish();
}

std::error_code WriteAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(file, text.data(), text.size());
    if (n < 0 && errno != EINTR) return LastError();
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Expected<UniqueFd> OpenAside(const AsideFolders& folders) {
  std::error_code error;
  UniqueFd aside = OpenOrMakeDirectoryAt(folders.hidden, kAside, 0755, error);
  if (error) return IoError("make or open the folder", kAside, error);
  return aside;
}

std::string AsideName(const std::string& name, const Sha256Digest& digest) {
  return fmt::format("{}.{}", name, Hex(digest, kNameDigestBytes));
}

// Has `put` make the file under the first name that is free, or finds the same bytes there.
Expected<std::string> PutUnder(const UniqueFd& aside, const std::string& name,
                               const std::optional<Sha256Digest>& digest,
                               const std::function<std::error_code(const std::string& to)>& put) {
  std::error_code error;
  for (int number = 0; number <= kMaxNumber; ++number) {
    const std::string to = Numbered(name, number);
    if (digest) {
      std::error_code missing;
      if (DigestFileAt(aside.get(), to, missing) == *digest && !missing) {
        return fmt::format("{}/{}", kAside, to);
      }
    }
    error = put(to);
    if (!error && fsync(aside.get()) != 0) error = LastError();
    if (!error) return fmt::format("{}/{}", kAside, to);
    if (error != std::errc::file_exists) break;
  }
  return IoError("put aside", name, error);
}

// A copy of the file in staging, synced, with its time; and what it holds.
std::error_code StageCopy(const AsideFolders& folders, int from, const std::string& name,
                          Sha256Digest& digest) {
  if (unlinkat(folders.staging, name.c_str(), 0) != 0 && errno != ENOENT) return LastError();
  const UniqueFd to(openat(folders.staging, name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!to) return LastError();
  Sha256Stream hash;
  const auto copied = ReadAll(from, [&](std::string_view piece) {
    hash.Add(piece);
    return WriteAll(to.get(), piece);
  });
  if (copied) return copied;
  digest = hash.Finish();
  struct stat status{};
  if (fstat(from, &status) != 0) return LastError();
  const timespec times[] = {status.st_atim, status.st_mtim};
  if (futimens(to.get(), times) != 0 || fsync(to.get()) != 0) return LastError();
  return {};
}

// Somebody else's file, or one of a mode that keeps us out: the owner may open it again.
UniqueFd OpenToReplace(int directory, const std::string& name, std::error_code& error) {
  UniqueFd file = OpenRegular(directory, name, error);
  if (error != std::errc::permission_denied) return file;
  struct stat status{};
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      status.st_uid != geteuid() ||
      fchmodat(directory, name.c_str(), (status.st_mode & 07777U) | S_IRUSR, 0) != 0) {
    return {};
  }
  error.clear();
  return OpenRegular(directory, name, error);
}

Expected<void> CheckRoom(const UniqueFd& aside) {
  std::error_code error;
  std::uintmax_t bytes = 0;
  const auto names = ListDirectory(aside.get(), error);
  if (error) return IoError("list the folder", kAside, error);
  for (const std::string& name : names) {
    struct stat status{};
    if (fstatat(aside.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      bytes += static_cast<std::uintmax_t>(status.st_size);
    }
  }
  if (names.size() < kMaxAsideFiles && bytes < kMaxAsideBytes) return {};
  return MakeError(ErrorCode::kIo,
                   fmt::format("the folder .target-eye/{} is full ({} files, {} MiB), so that a "
                               "file which somebody else wrote in the place of ours is left there; "
                               "find out who does, look at what is in the folder, and empty it",
                               kAside, names.size(), bytes >> 20U));
}

// Linking is not possible on this file system, or not allowed (fs.protected_hardlinks).
bool IsNoLink(const std::error_code& error) {
  return error == std::errc::operation_not_permitted || error == std::errc::too_many_links ||
         error == std::errc::operation_not_supported ||
         error == std::errc::function_not_supported || error == std::errc::cross_device_link;
}

}  // namespace

Sha256Digest DigestFileAt(int directory, const std::string& name, std::error_code& error) {
  error.clear();
  const UniqueFd file = OpenRegular(directory, name, error);
  return DigestOf(file, error);
}

Sha256Digest DigestToReplaceAt(int directory, const std::string& name, std::error_code& error) {
  error.clear();
  const UniqueFd file = OpenToReplace(directory, name, error);
  return DigestOf(file, error);
}

Expected<std::string> CopyAside(const AsideFolders& folders, const std::string& name) {
  std::error_code error;
  const UniqueFd from = OpenRegular(folders.directory, name, error);
  if (error) return IoError("read", name, error);
  struct stat status{};
  if (fstat(from.get(), &status) != 0) return IoError("read", name, LastError());
  if (std::cmp_greater(status.st_size, kMaxAsideBytes)) {
    return IoError("copy", name, std::make_error_code(std::errc::file_too_large));
  }
  const auto aside = OpenAside(folders);
  if (!aside) return std::unexpected(aside.error());
  Sha256Digest digest{};
  error = StageCopy(folders, from.get(), name, digest);
  auto kept = error ? Expected<std::string>(IoError("copy", name, error))
                    : PutUnder(*aside, AsideName(name, digest), digest, [&](const auto& to) {
                        return RenameOntoNothing(folders.staging, name, aside->get(), to);
                      });
  unlinkat(folders.staging, name.c_str(), 0);  // Where it failed, or was there already.
  return kept;
}

Expected<std::string> LinkAside(const AsideFolders& folders, const std::string& name,
                                bool is_bounded) {
  const auto aside = OpenAside(folders);
  if (!aside) return std::unexpected(aside.error());
  std::error_code error;
  std::optional<Sha256Digest> digest = DigestToReplaceAt(folders.directory, name, error);
  if (error) digest.reset();
  if (error && error != std::errc::permission_denied) return IoError("read", name, error);
  if (digest) {
    std::error_code missing;
    const std::string to = AsideName(name, *digest);
    if (DigestFileAt(aside->get(), to, missing) == *digest && !missing) {
      return fmt::format("{}/{}", kAside, to);
    }
  }
  if (is_bounded) {
    if (auto room = CheckRoom(*aside); !room) return std::unexpected(room.error());
  }
  if (!digest) {
    return PutUnder(*aside, name + ".unreadable", {}, [&](const std::string& to) {
      return RenameOntoNothing(folders.directory, name, aside->get(), to);
    });
  }
  bool no_link = false;
  auto kept = PutUnder(*aside, AsideName(name, *digest), digest, [&](const std::string& to) {
    if (linkat(folders.directory, name.c_str(), aside->get(), to.c_str(), 0) == 0) {
      return std::error_code();
    }
    no_link = IsNoLink(LastError());
    return LastError();
  });
  if (!no_link) return kept;
  // In staging, what takes its place may wait under the same name.
  std::error_code made;
  const UniqueFd staging = OpenOrMakeDirectoryAt(folders.staging, "aside", 0700, made);
  if (made) return IoError("make or open the folder", "aside", made);
  return CopyAside({folders.directory, folders.hidden, staging.get()}, name);
}

Expected<std::optional<std::string>> MoveAside(const AsideFolders& folders,
                                               const std::string& name) {
  const auto aside = OpenAside(folders);
  if (!aside) return std::unexpected(aside.error());
  std::error_code error;
  const Sha256Digest digest = DigestFileAt(folders.directory, name, error);
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  const bool is_readable = !error;
  const std::string to = is_readable ? AsideName(name, digest) : name + ".unreadable";
  std::error_code there;
  if (is_readable && DigestFileAt(aside->get(), to, there) == digest && !there) {
    if (unlinkat(folders.directory, name.c_str(), 0) != 0) {
      return IoError("remove", name, LastError());
    }
    return kAside + "/" + to;
  }
  auto moved = PutUnder(*aside, to, {}, [&](const std::string& free) {
    return RenameOntoNothing(folders.directory, name, aside->get(), free);
  });
  if (!moved) return std::unexpected(moved.error());
  return *std::move(moved);
}

}  // namespace target_eye
