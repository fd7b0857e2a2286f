#include "access/access_policy.h"
#include "fuzz_check.h"
#include "model/glob.h"

namespace target_eye {
namespace {

void Run(std::string_view text) {
  const auto file = ParseAccessFile(text, "access.yml");
  if (!file) {
    RequireGoodError(file.error());
    return Require(file.error().message.starts_with("access.yml:"), "an error names the file");
  }
  const AccessRules rules(*file);
  const Caller anyone;
  const Caller user{.user = "alice", .token = {}};
  for (const AccessFile::Rule& rule : file->rules) {
    Require(!rule.who.empty(), "an accepted rule says who");
    for (const std::string& glob : rule.applications) {
      Require(CheckGlob(glob).has_value(), "an accepted glob is one");
      const GroupKeyView key{.application = glob, .environment = "prod"};
      Require(!rules.MayUseGroup(anyone, key, GroupRight::kWrite) ||
                  rules.MayUseGroup(user, key, GroupRight::kRead),
              "what anyone may write a user may read");
    }
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
