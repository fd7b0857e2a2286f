#include <set>

#include "codec/group_json.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view text) {
  const auto groups = DecodeFileSd(text);
  if (!groups) return RequireGoodError(groups.error());
  std::string json = "[";
  for (const TargetGroup& group : *groups) {
    RequireGoodData({group.targets, group.labels});
    const std::set<Target> distinct(group.targets.begin(), group.targets.end());
    Require(distinct.size() == group.targets.size(), "no target is in a group twice");
    json += (json.size() == 1 ? "" : ",") + EncodeGroup(group);
  }
  Require(DecodeFileSd(json + "]") == *groups, "groups encoded are the same groups again");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
