#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/selector.h"
#include "publish/group_list.h"

namespace target_eye {

// A list as it is sent.
struct SdList {
  std::shared_ptr<const std::string> bytes;
  // Strong (RFC 9110 section 8.8.3), with its quotes: made of the bytes, so that the same bytes
  // have the same one after a restart and on another machine.
  std::string etag;
};

// The groups that `selector` selects, as Prometheus's http_sd_configs take them; the same text as
// file_sd's.
std::string RenderSdList(const GroupList& groups, const Selector& selector, bool meta_labels);

SdList MakeSdList(std::string text);

// `text` in the gzip format (RFC 1952), without a time: the same text gives the same bytes.
std::string Gzip(std::string_view text);

}  // namespace target_eye
