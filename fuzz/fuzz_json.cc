#include "codec/group_json.h"
#include "codec/group_text.h"
#include "codec/json.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view body) {
  if (body.empty()) return;
  const auto data = DecodeJson(body);
  if (!data) return RequireGoodError(data.error());
  RequireGoodData(*data);
  const TargetGroup group = ToGroup(*data);
  const std::string json = EncodeGroup(group);
  Require(DecodeJson(json) == GroupData{group.targets, group.labels},
          "a group encoded is a body again");
  const auto stored = GroupText::FromStored(json);
  Require(stored == GroupText(group) && stored->Decode() == group,
          "a group encoded and stored is the same");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
