#pragma once

#include <set>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "util/atomic_file.h"

namespace target_eye {

// The names of the files that are ours, kept in `.target-eye/published`: only these may be replaced
// or removed. A name is on the disk before its file is made, so that a crash never leaves a file of
// ours that we would take for somebody else's. While it is in use the list is only appended to; it
// is rewritten when it is opened, and when most of its lines are out of date. Not safe for
// concurrent calls.
class PublishedNames {
 public:
  using Names = std::set<std::string, std::less<>>;

  // Reads the list in `hidden` and adds its names. Names without a file in `directory` are dropped.
  // If there is no room to rewrite the list, that is left to the first Add. The descriptors are not
  // kept.
  void Load(int directory, int hidden, int staging, std::error_code& error);

  bool Owns(std::string_view name) const { return names_.contains(name); }
  const Names& all() const { return names_; }

  // Adds names. Without an error they are on the disk when it returns; with one, none was added.
  void Add(std::span<const std::string> names, int hidden, int staging, std::error_code& error);

  // The file is gone, or no longer ours. Durable only when the list is rewritten next; see Load.
  void Forget(std::string_view name);

  // Forgets all names, before Load reads the list of another directory.
  void Clear();

 private:
  void Rewrite(int hidden, int staging, std::error_code& error);
  void Append(std::span<const std::string> names, std::error_code& error);

  Names names_;
  UniqueFd file_;
  std::size_t lines_ = 0;
};

}  // namespace target_eye
