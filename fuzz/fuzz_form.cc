#include "codec/body.h"
#include "codec/form.h"
#include "codec/percent.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

std::string EncodeForm(const GroupData& data) {
  std::string form;
  if (data.targets) {
    std::string list;
    for (const Target& target : *data.targets) list += (list.empty() ? "" : ",") + target.text();
    form += "&targets=" + PercentEncode(list);
  }
  if (data.labels) {
    for (const auto& [name, value] : *data.labels) form += "&" + name + "=" + PercentEncode(value);
  }
  return form;
}

void Run(std::string_view body) {
  if (body.empty()) return;
  const auto untyped = DecodeBody("", body);
  Require(!untyped, "a body without a type is refused, whatever it looks like");
  RequireGoodError(untyped.error());
  const auto data = DecodeForm(body);
  if (!data) return RequireGoodError(data.error());
  RequireGoodData(*data);
  Require(DecodeForm(EncodeForm(*data)) == *data, "a form encoded is the same body again");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
