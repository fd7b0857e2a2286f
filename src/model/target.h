#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

#include "model/error.h"

namespace target_eye {

// An address to scrape, kept as it was written: `host` or `host:port`.
//
// Host is a hostname or domain name (labels of 1-63 letters, digits, `-` and `_`, no `-` at either
// end, at most 253 characters, one trailing dot allowed, last label not all digits: RFC 1123
// section 2.1 and the underscores that are found in practice), an IPv4 address in full (four
// decimal numbers 0-255 without leading zeros), or an IPv6 address in brackets (RFC 4291
// section 2.2, no zone). Port is 1-65535 in 1 to 16 ASCII digits; `a:80` and `a:080` are two.
class Target {
 public:
  // The target that `text` spells. kInvalid has a hint for what people send by mistake: a URL, a
  // path, spaces, a host beyond ASCII, a port out of range. Spaces around it are an error here,
  // since the codecs trim.
  static Expected<Target> Parse(std::string_view text);

  // Without a check: `text` has passed Parse before, as everything in a store has.
  static Target FromStored(std::string text) { return Target(std::move(text)); }

  const std::string& text() const { return text_; }

  friend auto operator<=>(const Target&, const Target&) = default;

 private:
  explicit Target(std::string text) : text_(std::move(text)) {}

  std::string text_;
};

}  // namespace target_eye
