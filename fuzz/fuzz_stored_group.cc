#include "codec/group_json.h"
#include "codec/group_text.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

// The reader of the one form beside the one that takes any JSON.
void Run(std::string_view json) {
  const auto text = GroupText::FromStored(json);
  const auto group = DecodeStoredGroup(json);
  Require(text.has_value() == group.has_value(), "both take the same");
  if (!text) return RequireGoodError(text.error());
  Require(*text == GroupText(*group), "both read the same");
  Require(text->Decode() == *group, "the group comes back");
  Require(text->targets() == group->targets.size(), "the targets are counted");
  LabelReader labels(*text);
  for (const auto& [name, value] : group->labels) {
    Require(labels.Find(name) == value, "each label is found");
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
