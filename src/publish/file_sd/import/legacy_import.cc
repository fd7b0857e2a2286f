#include "publish/file_sd/import/legacy_import.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "codec/file_sd_parts.h"
#include "codec/group_json.h"
#include "publish/file_sd/file_names.h"
#include "publish/file_sd/folders.h"
#include "publish/group_list.h"
#include "util/atomic_file.h"
#include "util/sha256_stream.h"

namespace target_eye {
namespace {

constexpr std::size_t kMaxImportBytes = std::size_t{64} << 20;
constexpr std::size_t kMd5Digits = 32;
constexpr std::size_t kNameDigits = 8;
constexpr std::string_view kOwnSuffix = "imported";

// The operator's own path may be a link, unlike anything in it: `/.` follows it.
UniqueFd OpenWatched(const std::string& directory, std::error_code& error) {
  return OpenDirectory(directory + "/.", error);
}

bool IsLegacyName(std::string_view name) {
  if (name.size() != kMd5Digits + 5 || !name.ends_with(".json")) return false;
  const std::string_view digits = name.substr(0, kMd5Digits);
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// Empty if there is no MD5, as under FIPS.
std::string Md5Hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return {};
  }
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string LegacyNameOf(const GroupKey& key) {
  return Md5Hex(key.application + key.environment) + ".json";
}

std::string_view LabelOf(const TargetGroup& group, std::string_view name) {
  const auto label = group.labels.find(name);
  return label == group.labels.end() ? std::string_view() : std::string_view(label->second);
}

Expected<GroupKey> KeyOfLabels(const TargetGroup& group) {
  for (const std::string_view name : {kJobLabel, kEnvLabel}) {
    if (LabelOf(group, name).empty()) {
      return Invalid(fmt::format("it holds a group without the label {}", name));
    }
  }
  return GroupKey::Make(LabelOf(group, kJobLabel), LabelOf(group, kEnvLabel));
}

// The key that the meta labels of a published group tell, if `is_right` for it; they are no labels
// of the group then, and are taken away.
std::optional<GroupKey> TakeMetaKey(TargetGroup& group,
                                    const std::function<bool(const GroupKey&)>& is_right) {
  auto key =
      GroupKey::Make(LabelOf(group, kMetaApplicationLabel), LabelOf(group, kMetaEnvironmentLabel));
  if (!key || !is_right(*key)) return std::nullopt;
  for (const std::string_view name : {kMetaApplicationLabel, kMetaEnvironmentLabel}) {
    group.labels.erase(group.labels.find(name));
  }
  return *std::move(key);
}

// Whether the file is what this says, and not its disk or the system in trouble for a moment. Only
// a first start imports: what it passes over for that would be passed over for ever.
bool IsLasting(std::error_code error) {
  return error == std::errc::permission_denied || error == std::errc::operation_not_permitted ||
         error == std::errc::no_such_file_or_directory || error == std::errc::is_a_directory ||
         error == std::errc::invalid_argument;
}

class Scanner {
 public:
  explicit Scanner(int directory) : directory_(directory) {}

  Expected<ImportScan> Run(const std::vector<std::string>& names) {
    std::vector<ImportedGroup> legacy;
    for (const std::string& name : names) {
      if (!name.ends_with(".json") || !IsLegacyName(name)) continue;
      if (auto group = ReadLegacy(name)) {
        legacy.push_back(*std::move(group));
      } else {
        Skip(name, std::move(group.error()));
      }
    }
    // Those whose name fits the key come first: it is theirs.
    std::stable_partition(legacy.begin(), legacy.end(),
                          [](const ImportedGroup& group) { return !group.key_is_a_guess; });
    for (ImportedGroup& group : legacy) TakeLegacy(std::move(group));

    for (const std::string& name : names) {
      if (!name.ends_with(".json") || IsLegacyName(name)) continue;
      if (name == kSingleFileName) continue;
      if (KeyOfFileName(name) || IsCutFileName(name)) {
        TakeOwn(name);
      } else {
        Skip(name, {ErrorCode::kInvalid, "its name is not one that Target-eye gives to its files"});
      }
    }
    // Last, as the group files say more of the keys.
    const std::string single(kSingleFileName);
    if (std::binary_search(names.begin(), names.end(), single)) {
      TakeOwn(single);
    }

    if (failure_) return std::unexpected(*std::move(failure_));
    const auto by_name = [](const auto& a, const auto& b) { return a.file_name < b.file_name; };
    std::sort(scan_.skipped.begin(), scan_.skipped.end(), by_name);
    std::sort(scan_.file_names.begin(), scan_.file_names.end());
    std::ranges::sort(scan_.held, {}, &HeldFile::name);
    return std::move(scan_);
  }

 private:
  Expected<std::string> ReadText(const std::string& name) const {
    std::error_code error;
    std::string text = ReadFileAt(directory_, name, kMaxImportBytes, error);
    if (error == std::errc::too_many_symbolic_link_levels) return Invalid("it is a symbolic link");
    if (error == std::errc::file_too_large) return Invalid("it is over 64 MiB");
    if (error && IsLasting(error)) {
      return Invalid(fmt::format("it cannot be read: {}", error.message()));
    }
    if (error) {
      return MakeError(ErrorCode::kIo,
                       fmt::format("cannot read {}, whose groups are to be imported: {}; start "
                                   "again when it can be read, or move it away",
                                   Quote(name), error.message()));
    }
    return text;
  }

  Expected<std::vector<TargetGroup>> Read(const std::string& name) const {
    const auto text = ReadText(name);
    if (!text) return std::unexpected(text.error());
    auto groups = DecodeFileSd(*text);
    if (!groups) return groups;
    for (const TargetGroup& group : *groups) {
      if (group.targets.empty()) return Invalid("it holds a group without targets");
    }
    return groups;
  }

  Expected<ImportedGroup> ReadLegacy(const std::string& name) const {
    auto groups = Read(name);
    if (!groups) return std::unexpected(groups.error());
    if (groups->size() != 1) {
      return Invalid(fmt::format("it holds {} groups, where one is expected", groups->size()));
    }
    auto key = KeyOfLabels(groups->front());
    if (!key) return std::unexpected(key.error());
    const bool fits = LegacyNameOf(*key) == name;
    return ImportedGroup{*std::move(key), std::move(groups->front()), name, !fits};
  }

  // A group of a file of our own, and its key: what the file's name says, or the meta labels, or
  // else `job` and `env`.
  Expected<ImportedGroup> WithKey(const std::string& name, TargetGroup group, bool is_alone) const {
    const bool is_single_file = name == kSingleFileName;
    auto key = TakeMetaKey(group, [&](const GroupKey& meta) {
      return is_single_file || FileNameOf(FileSdLayout::kGroup, meta) == name;
    });
    if (key) return ImportedGroup{*std::move(key), std::move(group), name, false};
    if (!is_single_file && is_alone) key = KeyOfFileName(name);
    if (key) return ImportedGroup{*std::move(key), std::move(group), name, false};
    auto labelled = KeyOfLabels(group);
    if (!labelled) return std::unexpected(std::move(labelled.error()));
    const bool is_guess = !is_single_file && FileNameOf(FileSdLayout::kGroup, *labelled) != name;
    return ImportedGroup{*std::move(labelled), std::move(group), name, is_guess};
  }

  void TakeLegacy(ImportedGroup group) {
    const std::string name = group.file_name;
    if (auto taken = Take(std::move(group), name.substr(0, kNameDigits)); !taken) {
      return Skip(name, std::move(taken.error()));
    }
    scan_.file_names.push_back(name);
  }

  // Every group of it that can be told; what cannot holds the file.
  void TakeOwn(const std::string& name) {
    HeldFile held{.name = name, .digest = {}, .reason = {}, .kept = {}};
    const auto text = ReadText(name);
    if (!text) {
      if (text.error().code == ErrorCode::kIo && !failure_) failure_ = text.error();
      held.reason = text.error().message;
      scan_.held.push_back(std::move(held));
      return;
    }
    FileSdParts parts = DecodeFileSdParts(*text);
    const std::size_t taken = TakeParts(name, parts);
    if (parts.fault_count == 0 && parts.groups.empty() && name != kSingleFileName) {
      parts.faults.push_back({1, "expected a group, found none"});
      parts.fault_count = 1;
    }
    if (parts.fault_count == 0) {
      scan_.file_names.push_back(name);
      return;
    }
    held.digest = Hex(Sha256(*text), sizeof(Sha256Digest));
    held.reason = Describe(parts, taken);
    scan_.held.push_back(std::move(held));
  }

  // Returns how many of the groups are taken now; the others are faults.
  std::size_t TakeParts(const std::string& name, FileSdParts& parts) {
    std::set<std::string, std::less<>> known;
    if (name == kSingleFileName) {
      for (const ImportedGroup& group : scan_.groups) known.insert(ContentDigest(group.group));
    }
    std::size_t taken = 0;
    for (std::size_t i = 0; i < parts.groups.size(); ++i) {
      // Without meta labels, targets.json may show a group under labels that are another's key; its
      // content tells.
      const bool is_known = known.contains(ContentDigest(parts.groups[i]));
      auto group = WithKey(name, std::move(parts.groups[i]), parts.groups.size() == 1);
      auto done = group ? Expected<void>() : std::unexpected(group.error());
      if (group && !is_known && !IsTaken(*group)) done = Take(*std::move(group), kOwnSuffix);
      if (done) {
        ++taken;
      } else if (++parts.fault_count <= FileSdParts::kMaxFaults) {
        parts.faults.push_back({parts.lines[i], std::move(done.error().message)});
      }
    }
    return taken;
  }

  static std::string Describe(FileSdParts& parts, std::size_t taken) {
    std::ranges::stable_sort(parts.faults, {}, &FileSdParts::Fault::line);
    constexpr std::size_t kNamed = 3;
    std::string reason;
    const std::size_t named = std::min(parts.faults.size(), kNamed);
    for (const FileSdParts::Fault& fault : std::span(parts.faults).first(named)) {
      reason += fmt::format("line {}: {}, ", fault.line, fault.reason);
    }
    if (parts.fault_count > named) {
      reason += fmt::format("and {} more, ", parts.fault_count - named);
    }
    return reason + fmt::format("{} groups of it taken over", taken);
  }

  bool IsTaken(const ImportedGroup& group) const {
    const auto taken = taken_.find(group.key);
    return taken != taken_.end() && scan_.groups[taken->second].group == group.group;
  }

  // Under its key or, where that is taken, beside it.
  Expected<void> Take(ImportedGroup group, std::string_view suffix) {
    if (taken_.contains(group.key)) {
      const std::string beside = fmt::format("{}-{}", group.key.environment, suffix);
      auto key = GroupKey::Make(group.key.application, beside);
      for (int number = 2; key && taken_.contains(*key); ++number) {
        key = GroupKey::Make(group.key.application, fmt::format("{}-{}", beside, number));
      }
      if (!key) return std::unexpected(key.error());
      group.key = *std::move(key);
      group.key_is_a_guess = true;
    }
    taken_.emplace(group.key, scan_.groups.size());
    scan_.groups.push_back(std::move(group));
    return {};
  }

  void Skip(const std::string& name, Error error) {
    if (error.code == ErrorCode::kIo && !failure_) failure_ = error;
    scan_.skipped.push_back({name, std::move(error.message)});
  }

  int directory_;
  ImportScan scan_;
  std::optional<Error> failure_;           // Of the first file that could not be read.
  std::map<GroupKey, std::size_t> taken_;  // To the index in scan_.groups.
};

}  // namespace

Expected<ImportScan> ScanForImport(const std::string& directory) {
  std::error_code error;
  const UniqueFd opened = OpenWatched(directory, error);
  if (error == std::errc::no_such_file_or_directory) return ImportScan{};
  if (error) return IoError("open the directory", directory, error);
  const std::vector<std::string> names = ListDirectory(opened.get(), error);
  if (error) return IoError("list the directory", directory, error);
  return Scanner(opened.get()).Run(names);
}

}  // namespace target_eye
