#include "publish/file_sd/name_list.h"

#include <climits>
#include <utility>

#include "codec/percent.h"

namespace target_eye {
namespace {

bool IsJsonFileName(std::string_view name) {
  return name.ends_with(".json") && name.size() <= NAME_MAX &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

}  // namespace

std::string EncodeNames(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) {
    text += PercentEncode(name);
    text += '\n';
  }
  return text;
}

std::vector<std::string> DecodeNames(std::string_view text) {
  std::vector<std::string> names;
  for (;;) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return names;
    auto name = PercentDecode(text.substr(0, end));
    if (name && IsJsonFileName(*name)) names.push_back(*std::move(name));
    text.remove_prefix(end + 1);
  }
}

}  // namespace target_eye
