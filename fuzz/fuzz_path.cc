#include "codec/percent.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view text) {
  Require(PercentDecode(PercentEncode(text)) == text, "what is encoded decodes to itself");
  const auto key = ParseGroupPath(text);
  if (!key) return RequireGoodError(key.error());
  Require(GroupKey::Make(key->application, key->environment) == *key, "an accepted key is a key");
  Require(ParseGroupPath(GroupPath(*key)) == *key, "a key's path names the key");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
