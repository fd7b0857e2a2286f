#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/change_request.h"
#include "model/error.h"
#include "model/group_limits.h"

namespace target_eye {

// Builds GroupData from a document's events, whatever its format. The document is an object with no
// keys except `targets`, a list of strings, and `labels`, an object of strings; or it is a list of
// such objects. A request's body may be either, with exactly one object in the list, so that what
// GET answers with can be sent back.
//
// The format's parser calls these methods in document order. Each returns whether to go on; once
// one has returned false, error() says why and no other may be called. Whatever nests deeper than
// that is refused where it begins, so nothing here grows with the nesting. One thread at a time.
class GroupReader {
 public:
  enum class Document { kOneGroup, kListOfGroups, kRequest };
  // kStored is text that was checked when it was written: a target is taken whole, as it is.
  enum class Trust { kChecked, kStored };

  // What a group may have, where that is bounded by the size of the document alone.
  static constexpr GroupLimits kNoLimits = {.targets = std::numeric_limits<std::size_t>::max(),
                                            .labels = std::numeric_limits<std::size_t>::max()};

  // One target or label more than `limits` allow is an error, whether it is a repetition or not, so
  // that no more of them is ever kept.
  explicit GroupReader(Document document = Document::kOneGroup, Trust trust = Trust::kChecked,
                       const GroupLimits& limits = kNoLimits)
      : document_(document), trust_(trust), limits_(limits) {}

  bool BeginMap();
  bool EndMap();
  bool BeginList();
  bool EndList();
  bool Key(std::string_view key);
  bool String(std::string_view value);
  // A value of a kind that is never allowed; `what` names the kind: "a number".
  bool Other(std::string_view what);

  // For what the parser itself refuses.
  bool Fail(std::string message);

  // Whether the next event that is not the end of something is a key.
  bool expects_key() const { return place_ == Place::kGroup || place_ == Place::kLabels; }

  const std::optional<Error>& error() const { return error_; }

  // The groups, once the document has ended.
  std::vector<GroupData>& groups() { return groups_; }

 private:
  // Where in the document the next event comes.
  enum class Place {
    kTop,
    kGroupList,
    kGroup,
    kTargetsValue,
    kLabelsValue,
    kTargets,
    kLabels,
    kLabelValue,
    kEnd,
  };

  bool Unexpected(std::string_view found);
  bool AddTarget(std::string_view text);
  bool BeginGroup();

  const Document document_;
  const Trust trust_;
  const GroupLimits limits_;
  Place place_ = Place::kTop;
  bool is_list_ = false;  // The document's top is a list.
  std::vector<GroupData> groups_;
  // Those of the group being read, once the document has begun them.
  std::vector<Target>* targets_ = nullptr;
  Labels* labels_ = nullptr;
  std::string label_name_;
  std::optional<Error> error_;
};

// The nesting that JSON and YAML may have.
inline constexpr int kMaxNesting = 32;

// Appends the targets of `list`: one, or several separated by commas, without the spaces around
// each. kInvalid if an element is empty or is not a target, or if there would be more than `limit`.
Expected<void> AppendTargets(std::string_view list, std::size_t limit,
                             std::vector<Target>& targets);

// `text` without the byte order mark that some editors put before UTF-8.
std::string_view SkipByteOrderMark(std::string_view text);

}  // namespace target_eye
