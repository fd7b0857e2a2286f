#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/group_key.h"

namespace target_eye {

enum class FileSdLayout {
  kFile,   // One file, targets.json, with every group in key order.
  kGroup,  // One file a group, <application>@<environment>.json.
};

// The one file of kFile.
inline constexpr std::string_view kSingleFileName = "targets.json";

// The hidden folder in the directory that Prometheus watches, and what is in it.
inline constexpr std::string_view kHiddenFolder = ".target-eye";
inline constexpr std::string_view kStagingFolder = "staging";
inline constexpr std::string_view kImportedFolder = "imported";
inline constexpr std::string_view kAsideFolder = "aside";
inline constexpr std::string_view kPublishedList = "published";
inline constexpr std::string_view kWrittenList = "written";
inline constexpr std::string_view kImportingList = "importing";
inline constexpr std::string_view kHeldList = "held";
inline constexpr std::string_view kAcceptedList = "accepted";

// The name of the file that holds the group `key`. In kGroup no two keys share a name: both parts
// are percent-encoded, so that the `@` between them is the only one; a leading dot is encoded, too.
// A name over 200 bytes is cut there and ends in `~` and 32 hex digits of a SHA-256 of the key,
// which makes it longer than any name that was not cut.
std::string FileNameOf(FileSdLayout layout, const GroupKeyView& key);

// The key whose kGroup file is `name`; nothing if the name was cut, or is not one of a kGroup file.
std::optional<GroupKey> KeyOfFileName(std::string_view name);

// Whether `name` has the form of a kGroup file whose key was cut.
bool IsCutFileName(std::string_view name);

}  // namespace target_eye
