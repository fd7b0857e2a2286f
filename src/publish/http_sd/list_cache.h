#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "publish/http_sd/sd_list.h"

namespace target_eye {

// Rendered lists, the one used last first. Not safe for concurrent calls.
class ListCache {
 public:
  struct Entry {
    std::string key;            // What it is a list of.
    std::uint64_t version = 0;  // Of the groups that it was rendered from.
    SdList plain;
    SdList gzip;  // Without bytes until it was asked for.
  };

  // Bounds by number and by bytes; the entry used last stays whatever its size.
  ListCache(std::size_t entry_limit, std::size_t byte_limit)
      : entry_limit_(entry_limit), byte_limit_(byte_limit) {}

  // Null if there is none; valid until the next Put.
  Entry* Find(std::string_view key);

  // Keeps `entry`, in place of one with the same key. Returns the entries that are no longer kept,
  // since to destroy them may take a moment that the caller can choose.
  std::vector<Entry> Put(Entry entry);

 private:
  static std::size_t BytesOf(const Entry& entry);

  const std::size_t entry_limit_;
  const std::size_t byte_limit_;
  std::vector<Entry> entries_;
};

}  // namespace target_eye
