#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view text) {
  const auto target = Target::Parse(text);
  if (!target) return RequireGoodError(target.error());
  Require(target->text() == text, "a target is kept as written");
  // 253 characters of name, a trailing dot, a colon and five digits.
  constexpr std::size_t kMaxBytes = 260;
  Require(text.size() <= kMaxBytes, "a target is short");
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:[]";
  Require(text.find_first_not_of(kAllowed) == std::string_view::npos, "a target is plain ASCII");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
