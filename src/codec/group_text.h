#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "model/error.h"
#include "model/target_group.h"

namespace target_eye {

// One group as text, made once. What is sent, published and stored are views of it, and whoever
// holds a group holds nothing else of it. The same groups have the same text. Safe to share among
// threads.
class GroupText {
 public:
  // All of `group` must be valid UTF-8.
  explicit GroupText(const TargetGroup& group);

  // From json(), as a store has kept it; kDamaged if that is no group. What somebody has written
  // there in another form (with spaces, in another order) gets the form of EncodeGroup.
  static Expected<GroupText> FromStored(std::string_view json);

  // The list of this one group, as a GET is answered: `[`, json() and `]\n`.
  const std::string& list() const { return list_; }

  // Views of list(). The group alone, as EncodeGroup writes it, and its labels alone.
  std::string_view json() const { return std::string_view(list_).substr(1, list_.size() - 3); }
  std::string_view labels_json() const {
    const std::string_view group = json();
    return group.substr(labels_at_, group.size() - labels_at_ - 1);
  }

  // How many targets the group has.
  std::size_t targets() const { return targets_; }

  // The group. Linear, and makes a string of each target and label.
  TargetGroup Decode() const;

  friend bool operator==(const GroupText& a, const GroupText& b) { return a.list_ == b.list_; }

 private:
  GroupText() = default;

  std::string list_;
  std::size_t targets_ = 0;
  std::size_t labels_at_ = 0;  // In json().
};

// Goes through the labels of a GroupText in the order of their names, without taking apart what
// nobody asks for.
class LabelReader {
 public:
  // `text` must outlive it. Before the first label.
  explicit LabelReader(const GroupText& text) : labels_(text.labels_json()) { Restart(); }

  // Goes on to the next label; false: there is none, and it stays where it is.
  bool Next();

  // The label that it is at. The value as JSON, with its quotes, is a view of the text.
  std::string_view name() const { return name_; }
  std::string_view value_json() const { return value_json_; }
  // Its value; good until the next call.
  std::string_view value();

  // The value of the label `name`, empty if the group has none; good until the next call. Names
  // that are asked for in their order are found in one pass.
  std::string_view Find(std::string_view name);

 private:
  void Restart();

  const std::string_view labels_;
  std::string_view rest_;    // Of labels_, behind where it is.
  std::string_view before_;  // The name of the label before.
  std::string_view name_;
  std::string_view value_json_;
  std::string unescaped_;
};

// GroupText::json() with more labels, in two parts. `labels` are sorted by name and win over the
// group's own. `head` is a view of `text`, so that no target is copied.
struct GroupJsonParts {
  std::string_view head;
  std::string tail;
};
using ExtraLabel = std::pair<std::string_view, std::string_view>;
GroupJsonParts JsonWithLabels(const GroupText& text, std::span<const ExtraLabel> labels);

}  // namespace target_eye
