#include "publish/http_sd/list_cache.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

namespace target_eye {

ListCache::Entry* ListCache::Find(std::string_view key) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) {
    return nullptr;
  }
  std::rotate(entries_.begin(), found, found + 1);
  return &entries_.front();
}

std::vector<ListCache::Entry> ListCache::Put(Entry entry) {
  std::vector<Entry> dropped;
  if (Entry* const old = Find(entry.key)) {
    dropped.push_back(std::exchange(*old, std::move(entry)));
  } else {
    entries_.insert(entries_.begin(), std::move(entry));
  }
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (; kept < std::min(entries_.size(), entry_limit_); ++kept) {
    bytes += BytesOf(entries_[kept]);
    if (bytes > byte_limit_) {
      break;
    }
  }
  const auto first_dropped =
      entries_.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(kept, 1));
  std::move(first_dropped, entries_.end(), std::back_inserter(dropped));
  entries_.erase(first_dropped, entries_.end());
  return dropped;
}

std::size_t ListCache::BytesOf(const Entry& entry) {
  std::size_t bytes = 0;
  for (const SdList* list : {&entry.plain, &entry.gzip}) {
    bytes += list->bytes ? list->bytes->size() : 0;
  }
  return bytes;
}

}  // namespace target_eye
