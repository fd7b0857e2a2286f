#include "publish/file_sd/written_digests.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>
#include <unordered_set>

#include "publish/file_sd/file_names.h"
#include "publish/file_sd/name_list.h"

namespace target_eye {
namespace {

const std::string kListName(kWrittenList);

// The list is rewritten when it is longer than this, about four lines a name.
constexpr std::size_t kBytesPerName = 200;
constexpr std::size_t kMinBytesToRewrite = std::size_t{256} << 10;

constexpr std::size_t kNameDigits = 16;
constexpr std::size_t kDigestDigits = 32;

// False if `hex` is not hex digits only.
bool FromHex(std::string_view hex, std::span<unsigned char> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* const begin = hex.data() + 2 * i;
    const auto [end, error] = std::from_chars(begin, begin + 2, bytes[i], 16);
    if (error != std::errc() || end != begin + 2) return false;
  }
  return true;
}

}  // namespace

WrittenDigests::Name WrittenDigests::NameOf(std::string_view name) {
  const Sha256Digest digest = Sha256(name);
  Name first = 0;
  std::memcpy(&first, digest.data(), sizeof first);
  return first;
}

WrittenDigests::Digest WrittenDigests::Half(const Sha256Digest& digest) {
  Digest half;
  std::copy_n(digest.begin(), half.size(), half.begin());
  return half;
}

void WrittenDigests::AppendLine(std::string& text, Name name, const Digest& digest) {
  fmt::format_to(std::back_inserter(text), "{:016x} {:02x}\n", name, fmt::join(digest, ""));
}

void WrittenDigests::Note(Name name, const Digest& digest, std::string& lines) {
  const auto [found, is_new] = texts_.try_emplace(name, Texts{digest, digest, digest});
  Texts& texts = found->second;
  if (!is_new && texts.next == digest) return;
  // What came to nothing is not there: whoever reads the list takes the last two lines.
  if (texts.there != texts.next) AppendLine(lines, name, texts.there);
  if (texts.there != texts.other) AppendLine(lines, name, texts.other);
  AppendLine(lines, name, digest);
  texts.next = digest;
}

void WrittenDigests::Load(const PublishedNames::Names& names, int hidden, int staging) {
  texts_.clear();
  file_.Reset();
  std::error_code error;
  const std::string text = ReadFileAt(hidden, kListName, kNameListLimitBytes, error);
  std::unordered_set<Name> wanted;
  for (const std::string& name : names) wanted.insert(NameOf(name));
  constexpr std::size_t kLineBytes = kNameDigits + 1 + kDigestDigits;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;  // A crash cut it off.
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    Name name = 0;
    Digest digest{};
    if (line.size() != kLineBytes || line[kNameDigits] != ' ' ||
        std::from_chars(line.begin(), line.begin() + kNameDigits, name, 16).ptr !=
            line.begin() + kNameDigits ||
        !FromHex(line.substr(kNameDigits + 1), digest)) {
      continue;
    }
    if (!wanted.contains(name)) continue;
    const auto [found, is_new] = texts_.try_emplace(name, Texts{digest, digest, digest});
    if (!is_new) found->second = {found->second.next, digest, digest};
  }
  Rewrite(hidden, staging);
}

void WrittenDigests::Add(std::span<const Written> written, int hidden, int staging) {
  std::string text;
  for (const auto& [name, digest] : written) Note(NameOf(name), Half(digest), text);
  if (text.empty()) return;
  if (!file_ || bytes_ + text.size() > kBytesPerName * texts_.size() + kMinBytesToRewrite) {
    Rewrite(hidden, staging);
    return;
  }
  // One write, so that no other process sees half a line; what is cut off by a full disk is the end
  // of the list, and the next time it is rewritten.
  if (write(file_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    file_.Reset();
  }
  bytes_ += text.size();
}

void WrittenDigests::Confirm(std::span<const Written> written) {
  for (const auto& [name, digest] : written) {
    const auto found = texts_.find(NameOf(name));
    if (found != texts_.end()) found->second = {Half(digest), Half(digest), Half(digest)};
  }
}

bool WrittenDigests::Has(std::string_view name, const Sha256Digest& digest) const {
  const auto found = texts_.find(NameOf(name));
  if (found == texts_.end()) return false;
  const auto& [there, other, next] = found->second;
  const Digest half = Half(digest);
  return half == there || half == other || half == next;
}

void WrittenDigests::Rewrite(int hidden, int staging) {
  file_.Reset();
  std::string text;
  for (const auto& [name, texts] : texts_) {
    AppendLine(text, name, texts.there);
    if (texts.other != texts.there) AppendLine(text, name, texts.other);
    if (texts.next != texts.other) AppendLine(text, name, texts.next);
  }
  bytes_ = text.size();
  std::error_code error;
  const std::array<std::string_view, 1> pieces = {text};
  ReplaceFileAt(hidden, staging, kListName, pieces, error);
  if (error) return;
  file_ = UniqueFd(
      openat(hidden, kListName.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
}

}  // namespace target_eye
