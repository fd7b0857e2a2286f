#include "access/bcrypt.h"
#include "access/web_config.h"
#include "fuzz_check.h"

namespace target_eye {
namespace {

void Run(std::string_view text) {
  const auto config = ParseWebConfig(text, "web.yml");
  if (!config) {
    RequireGoodError(config.error());
    return Require(config.error().message.starts_with("web.yml:"), "an error names the file");
  }
  for (const WebConfig::User& user : config->users) {
    Require(IsUserName(user.name), "an accepted user has a name");
    Require(CheckBcrypt(user.hash).has_value(), "an accepted user has a hash");
  }
  for (const auto& [name, value] : config->headers) {
    Require(value.find_first_of("\r\n") == std::string::npos, "a header is one line");
  }
  if (config->tls) {
    Require(!config->tls->cert_file.empty() && !config->tls->key_file.empty(),
            "TLS has a certificate and a key");
  }
}

}  // namespace
}  // namespace target_eye

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target_eye::Run(target_eye::AsText(data, size));
  return 0;
}
