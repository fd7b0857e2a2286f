#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/target_group.h"

namespace target_eye {

// What can still be read of a file_sd file that DecodeFileSd refuses as a whole.
struct FileSdParts {
  struct Fault {
    std::size_t line = 0;  // Where the group, or the damage, begins; the first line is 1.
    std::string reason;
  };
  // The groups that are whole, checked as by DecodeFileSd, in the file's order.
  std::vector<TargetGroup> groups;
  std::vector<std::size_t> lines;  // Where each of them begins.
  // What is not, the first kMaxFaults of it.
  std::vector<Fault> faults;
  std::size_t fault_count = 0;  // Of all. None: the file is a list of whole groups after all.

  static constexpr std::size_t kMaxFaults = 10;
};

// Never fails: a file of which nothing can be read has one fault and no groups. A group that could
// not be registered, or has no targets, is a fault. From where the brackets and quotes do not add
// up (the file was cut short, or overwritten in its midst), the rest is read line by line, since a
// file of ours has one group a line. Takes time linear in the size of `text`.
FileSdParts DecodeFileSdParts(std::string_view text);

}  // namespace target_eye
