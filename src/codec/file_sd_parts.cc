#include "codec/file_sd_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "codec/group_json.h"
#include "codec/group_reader.h"
#include "util/ascii.h"

namespace target_eye {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// One element of the list, checked as DecodeFileSd does.
Expected<TargetGroup> DecodeElement(std::string_view json) {
  constexpr std::string_view kPlace = "group 1: ";
  auto groups = DecodeFileSd(fmt::format("[{}]", json));
  if (!groups) {
    std::string& message = groups.error().message;
    if (message.starts_with(kPlace)) message.erase(0, kPlace.size());
    return std::unexpected(std::move(groups.error()));
  }
  // A text that is no element at all may look like none, or like several.
  if (groups->size() != 1) return Invalid("expected an object with targets and labels");
  return std::move(groups->front());
}

// Reads the elements of a list one by one, so that one that is wrong takes no other with it.
class PartsReader {
 public:
  explicit PartsReader(std::string_view text) : text_(text) {}

  FileSdParts Read() {
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    ReadList();
    return std::move(parts_);
  }

 private:
  void ReadList() {
    SkipSpaces();
    if (!Eat('[')) {
      AddFault(at_, at_ == text_.size() ? "the file is empty" : "expected a list of groups");
      return ReadLines();
    }
    SkipSpaces();
    if (!Eat(']')) {
      do {
        SkipSpaces();
        const std::size_t end = EndOfElement();
        if (end == std::string_view::npos) {
          AddFault(at_, "cut short or damaged from here on");
          return ReadLines();
        }
        ReadGroup(text_.substr(at_, end - at_));
        at_ = end;
      } while (Eat(','));
      ++at_;  // The `]` that ended the last element.
    }
    SkipSpaces();
    if (at_ < text_.size()) AddFault(at_, "text follows the list");
  }

  // Whole groups that have a line of their own, from the line of a fault on.
  void ReadLines() {
    for (bool is_first = true; at_ < text_.size(); is_first = false) {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      std::string_view line = TrimSpaces(text_.substr(at_, end - at_));
      if (line.ends_with(',')) line = TrimSpaces(line.substr(0, line.size() - 1));
      // The first one is what the fault is about.
      if (line.starts_with('{') && (!is_first || line.ends_with('}'))) ReadGroup(line, is_first);
      at_ = end + 1;
    }
  }

  void ReadGroup(std::string_view json, bool is_known_fault = false) {
    auto group = DecodeElement(json);
    if (group && group->targets.empty()) group = Invalid("has no targets");
    if (group) {
      parts_.groups.push_back(*std::move(group));
      parts_.lines.push_back(LineAt(at_));
    } else if (!is_known_fault) {
      AddFault(at_, std::move(group.error().message));
    }
  }

  // Where the element at `at_` is followed by a comma or by the list's end; npos where that cannot
  // be told.
  std::size_t EndOfElement() const {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = at_; i < text_.size(); ++i) {
      const char c = text_[i];
      if (in_string) {
        // No string goes on over a line's end: its closing quote is lost.
        if (c == '\n') return std::string_view::npos;
        if (c == '\\') {
          ++i;
        } else if (c == '"') {
          in_string = false;
        }
        continue;
      }
      if (depth == 0 && (c == ',' || c == ']')) return i;
      if (c == '"') in_string = true;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') {
        if (depth == 0) return std::string_view::npos;
        --depth;
      }
    }
    return std::string_view::npos;
  }

  void SkipSpaces() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }

  bool Eat(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void AddFault(std::size_t at, std::string reason) {
    if (++parts_.fault_count > FileSdParts::kMaxFaults) return;
    parts_.faults.push_back({LineAt(at), std::move(reason)});
  }

  // For places that only rise.
  std::size_t LineAt(std::size_t at) {
    const auto before = text_.substr(counted_to_, at - counted_to_);
    line_ += static_cast<std::size_t>(std::ranges::count(before, '\n'));
    counted_to_ = at;
    return line_;
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  FileSdParts parts_;
  std::size_t counted_to_ = 0;
  std::size_t line_ = 1;  // Of `counted_to_`.
};

}  // namespace

FileSdParts DecodeFileSdParts(std::string_view text) { return PartsReader(text).Read(); }

}  // namespace target_eye
