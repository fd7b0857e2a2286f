#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/group_set.h"
#include "model/selector.h"
#include "publish/group_list.h"

namespace target_eye {

// How many groups a list has, and from how many that the caller may see they were selected.
struct SdCount {
  std::size_t selected = 0;
  std::size_t visible = 0;
};

// A list as it is sent.
struct SdList {
  std::shared_ptr<const std::string> bytes;
  // Strong (RFC 9110 section 8.8.3), with its quotes. Made from the bytes, so that the same bytes
  // have the same ETag after a restart and on another machine.
  std::string etag;
  SdCount count = {};
};

// The groups that `selector` selects, and that are in `visible` if that is not null, as
// Prometheus's http_sd_configs take them; the same text as file_sd's. Sets `count`, if that is not
// null.
std::string RenderSdList(const GroupList& groups, const Selector& selector, bool meta_labels,
                         const GroupSet* visible = nullptr, SdCount* count = nullptr);

// The same; nothing if the list was given up, because `is_overdue` returned true. It is asked every
// few groups while they are selected. What follows is not cut short: it is linear in the list.
std::optional<std::string> RenderSdListUnless(const std::function<bool()>& is_overdue,
                                              const GroupList& groups, const Selector& selector,
                                              bool meta_labels, const GroupSet* visible,
                                              SdCount* count);

SdList MakeSdList(std::string text);

// `text` in the gzip format (RFC 1952), without a time, so that the same text makes the same bytes.
std::string Gzip(std::string_view text);

}  // namespace target_eye
