#include "publish/http_sd/sd_list.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "util/sha256.h"

namespace target_eye {
namespace {

// For a list of a hundred thousand targets a third of the default's time, and a tenth more bytes.
constexpr int kGzipLevel = 4;
constexpr int kGzipWindow = 15 + 16;  // The largest window, and gzip's frame rather than zlib's.
constexpr int kGzipMemory = 8;

// An ETag needs no more of the hash than this to tell lists apart.
constexpr std::size_t kEtagBytes = 16;

// So many groups are selected between two looks at the time. With the largest selector and labels
// of 16 KiB that is at most a third of a second, with names of 1 KiB 20 ms (model/glob.h).
constexpr std::size_t kGroupsALook = 16;

// What the meta labels of a group take at least, besides its key.
constexpr std::size_t kMetaLabelsBytes = 72;

}  // namespace

std::string RenderSdList(const GroupList& groups, const Selector& selector, bool meta_labels,
                         const GroupSet* visible, SdCount* count) {
  return *RenderSdListUnless([] { return false; }, groups, selector, meta_labels, visible, count);
}

std::optional<std::string> RenderSdListUnless(const std::function<bool()>& is_overdue,
                                              const GroupList& groups, const Selector& selector,
                                              bool meta_labels, const GroupSet* visible,
                                              SdCount* count) {
  std::vector<const StoredGroup*> selected;
  std::size_t visible_groups = 0;
  std::size_t looked_at = 0;
  std::size_t bytes = kListBegin.size() + kListEnd.size();
  for (const StoredGroupPtr& group : groups) {
    if (looked_at++ % kGroupsALook == 0 && is_overdue()) return std::nullopt;
    if (visible != nullptr && !visible->Contains(group->key)) continue;
    ++visible_groups;
    if (!IsSelected(*group, selector)) continue;
    selected.push_back(group.get());
    bytes += group->text.json().size() + kListSeparator.size();
    if (meta_labels) {
      bytes += kMetaLabelsBytes + group->key.application.size() + group->key.environment.size();
    }
  }
  if (count != nullptr) *count = {selected.size(), visible_groups};
  if (selected.empty()) {
    return std::string(kEmptyList);
  }
  std::string text;
  text.reserve(bytes);
  for (const StoredGroup* group : selected) {
    text += text.empty() ? kListBegin : kListSeparator;
    if (meta_labels) {
      const GroupJsonParts parts = EncodeWithMetaLabels(*group);
      text += parts.head;
      text += parts.tail;
    } else {
      text += group->text.json();
    }
  }
  text += kListEnd;
  return text;
}

SdList MakeSdList(std::string text) {
  const Sha256Digest hash = Sha256(text);
  std::string etag = "\"";
  for (std::size_t i = 0; i < kEtagBytes; ++i) {
    etag += fmt::format("{:02x}", hash[i]);
  }
  etag += '"';
  return {std::make_shared<const std::string>(std::move(text)), std::move(etag)};
}

std::string Gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, kGzipLevel, Z_DEFLATED, kGzipWindow, kGzipMemory, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    throw std::bad_alloc();
  }
  std::string zipped;
  // zlib counts in 32 bits and a list may have more bytes.
  constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  std::array<unsigned char, 64 << 10> buffer;
  for (int done = Z_OK; done != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::string_view piece = text.substr(0, kMost);
      text.remove_prefix(piece.size());
      // zlib only reads, whatever the type says.
      stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
      stream.avail_in = static_cast<uInt>(piece.size());
    }
    stream.next_out = buffer.data();
    stream.avail_out = buffer.size();
    done = deflate(&stream, text.empty() ? Z_FINISH : Z_NO_FLUSH);
    zipped.append(reinterpret_cast<const char*>(buffer.data()), buffer.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return zipped;
}

}  // namespace target_eye
