#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace target_eye {

// What an Authorization header says.
struct Credentials {
  enum class Kind {
    kNone,      // Nothing, or of a scheme that is neither of these.
    kPassword,  // Basic (RFC 7617), in UTF-8.
    kToken,     // Bearer (RFC 6750).
    kBroken,    // One of these, with something that it cannot be.
  };
  Kind kind = Kind::kNone;
  std::string user;    // Of kPassword.
  std::string secret;  // The password or token.
};

// Schemes are compared without case (RFC 9110 section 11.1). Pure.
Credentials ParseAuthorization(std::string_view header);

// Whether a header has credentials but no scheme before them: it is one word that is not a scheme
// of ours. Pure.
bool LacksScheme(std::string_view header);

// The bytes that `text` stands for (RFC 4648 section 4, with padding); nothing if it is not base64.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace target_eye
