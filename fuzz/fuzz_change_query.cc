#include "codec/change_query.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view query) {
  for (const Method method : {Method::kPut, Method::kPost, Method::kDelete}) {
    const auto parsed = ParseChangeQuery(query, method);
    if (!parsed) {
      RequireGoodError(parsed.error());
      continue;
    }
    Require(!parsed->add || method == Method::kPut, "only PUT adds by its query");
    const auto twice = ParseChangeQuery(std::string(query) + "&add=true", Method::kPut);
    Require(!parsed->add || !twice, "what is given twice is refused");
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
