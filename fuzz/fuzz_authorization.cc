#include "access/credentials.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view header) {
  const Credentials credentials = ParseAuthorization(header);
  Require(credentials.user.size() + credentials.secret.size() <= header.size(),
          "credentials are no longer than their header");
  Require(credentials.kind == Credentials::Kind::kPassword || credentials.user.empty(),
          "only a password has a user");
  Require(credentials.user.find(':') == std::string::npos, "a user has no colon");
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
