#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/error.h"
#include "util/sha256.h"

namespace target_eye {

inline constexpr std::size_t kMaxTokens = 10'000;
inline constexpr std::size_t kMaxRules = 10'000;
inline constexpr std::size_t kMaxRuleItems = 1'000;  // In one list of a rule.

// The pages that a rule can open beside the groups.
enum class AccessPage : std::uint8_t { kMetrics, kSd, kReload };

// What the file of --web.access-file says: who may do what.
//
//   tokens:                      # bearer tokens, by name: SHA-256 of each
//     ci: sha256:<64 hex digits>
//   rules:
//     - who: token:ci # or a list applications: web-* # a glob (model/glob.h) or a list; all, if
//       left out environments: [prod] # the same may: write # read, or write, which includes read
//     - who: user:prometheus
//       pages: [metrics, sd]     # metrics, sd, reload
//
// /-/sd shows a caller the groups that it may read, and with `pages: sd` also the applications and
// environments of that rule, without the right to ask for each.
//
// `who` is `user:NAME` (of the web config), `token:NAME`, `certificate:GLOB` (see AccessRules),
// `login` (everybody who proved who they are) or `anyone`. What no rule allows is refused.
struct AccessFile {
  struct Token {
    std::string name;
    Sha256Digest digest = {};
    int line = 1;
  };
  struct Who {
    enum class Kind { kAnyone, kLogin, kUser, kToken, kCertificate };
    Kind kind = Kind::kAnyone;
    std::string text;  // A name or a glob; empty if the kind says all.
    int line = 1;
  };
  enum class May : std::uint8_t { kNothing, kRead, kWrite };
  struct Rule {
    std::vector<Who> who;
    std::vector<std::string> applications;  // Globs; never empty.
    std::vector<std::string> environments;
    May may = May::kNothing;  // With groups.
    std::vector<AccessPage> pages;
    int line = 1;
  };

  std::string name;  // Of the file.
  std::vector<Token> tokens;
  std::vector<Rule> rules;
};

// Reads `text`, the file `name`. kInvalid is `NAME:LINE: what is wrong, what is expected`: an
// unknown key, a token that is not a hash or that two names share, a `who` that names no token of
// the file, a malformed glob, a rule that allows nothing or applies to nobody. Whether the users
// exist is checked by AccessPolicy. Pure; may be called from any thread.
Expected<AccessFile> ParseAccessFile(std::string_view text, const std::string& name);

// The same of a file.
Expected<AccessFile> LoadAccessFile(const std::string& path);

}  // namespace target_eye
