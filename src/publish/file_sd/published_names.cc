#include "publish/file_sd/published_names.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/name_list.h"

namespace target_eye {
namespace {

const std::string kListName(kPublishedList);

// A list with fewer lines is never rewritten for its length.
constexpr std::size_t kMinLinesToRewrite = 1024;

bool IsNoRoom(const std::error_code& error) {
  return error == std::errc::no_space_on_device || error == std::errc::file_too_large ||
         error == std::error_code(EDQUOT, std::generic_category());
}

std::error_code LastError() { return {errno, std::generic_category()}; }

}  // namespace

void PublishedNames::Load(int directory, int hidden, int staging, std::error_code& error) {
  const std::string text = ReadFileAt(hidden, kListName, kNameListLimitBytes, error);
  if (error && error != std::errc::no_such_file_or_directory) return;
  names_.merge([&] {
    Names read;
    for (std::string& name : DecodeNames(text)) read.insert(std::move(name));
    return read;
  }());
  std::erase_if(names_, [&](const std::string& name) {
    struct stat status{};
    return fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
  });
  Rewrite(hidden, staging, error);
  if (IsNoRoom(error)) {
    // A start must be possible all the same: the first Add tries again.
    file_.Reset();
    error.clear();
  }
}

void PublishedNames::Add(std::span<const std::string> names, int hidden, int staging,
                         std::error_code& error) {
  error.clear();
  if (names.empty()) return;
  if (!file_ || lines_ + names.size() > 2 * (names_.size() + kMinLinesToRewrite)) {
    Rewrite(hidden, staging, error);
    if (error) return;
  }
  Append(names, error);
  if (!error) names_.insert(names.begin(), names.end());
}

void PublishedNames::Append(std::span<const std::string> names, std::error_code& error) {
  const std::string text = EncodeNames(names);
  std::string_view rest = text;
  while (!rest.empty() && !error) {
    const ssize_t n = write(file_.get(), rest.data(), rest.size());
    if (n >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno != EINTR) {
      error = LastError();
    }
  }
  if (!error && fdatasync(file_.get()) != 0) error = LastError();
  if (error) {
    // It may end in half a line, to which nothing must be appended.
    file_.Reset();
    return;
  }
  lines_ += names.size();
}

void PublishedNames::Forget(std::string_view name) {
  if (const auto found = names_.find(name); found != names_.end()) names_.erase(found);
}

void PublishedNames::Clear() {
  names_.clear();
  file_.Reset();
}

void PublishedNames::Rewrite(int hidden, int staging, std::error_code& error) {
  file_.Reset();
  const std::string text = EncodeNames(std::vector<std::string>(names_.begin(), names_.end()));
  ReplaceFileAt(hidden, staging, kListName, std::array<std::string_view, 1>{text}, error);
  if (error) return;
  // What is appended later must not be lost with the name of the file it is in.
  if (fsync(hidden) != 0) {
    error = LastError();
    return;
  }
  file_ = UniqueFd(
      openat(hidden, kListName.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file_) error = LastError();
  lines_ = names_.size();
}

}  // namespace target_eye
