#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "access/access_file.h"
#include "model/group_key.h"
#include "tls/peer_certificate.h"

namespace target_eye {

// Whom a request proved to be from; a client may prove more than one at once. Views of others'
// memory.
struct Caller {
  std::string_view user;   // By its password; empty: none.
  std::string_view token;  // The name of the token; empty: none.
  const PeerCertificate* certificate = nullptr;

  bool is_known() const { return !user.empty() || !token.empty() || certificate != nullptr; }

  // `user:alice`, `token:ci` or `certificate:CN=ci,O=Example`, the first that there is, cut to 256
  // bytes; empty for nobody. A certificate's may hold any bytes.
  std::string Name() const;
};

enum class GroupRight : std::uint8_t { kRead, kWrite };

// The rules of an access file, ready to be asked: what one of them allows is allowed, all else is
// not. Asking costs a look at the rules that name the caller, and none at those of others, but for
// certificates that rules name by globs. Never changed once made; safe to use from any thread.
//
// `certificate:` is a glob on what the certificate says, each by itself: the subject as RFC 2253
// has it (`CN=ci,O=Example`), `CN=` with its common name, and `DNS:`, `URI:`, `email:` and `IP:`
// with each subject alternative name. A common name that RFC 2253 would write with an escape is
// only seen as part of the subject, so that none can look like a whole subject of another.
class AccessRules {
 public:
  explicit AccessRules(const AccessFile& file);

  bool MayUseGroup(const Caller& caller, const GroupKeyView& key, GroupRight right) const;
  bool MayUsePage(const Caller& caller, AccessPage page) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  // A list of globs, most of which are names.
  class GlobSet {
   public:
    explicit GlobSet(const std::vector<std::string>& patterns);
    bool Matches(std::string_view text) const;

   private:
    std::unordered_set<std::string, Hash, std::equal_to<>> names_;
    std::vector<std::string> globs_;
  };
  struct Rule {
    GlobSet applications;
    GlobSet environments;
    AccessFile::May may;
    std::uint8_t pages;  // A bit each.
  };
  using RuleIds = std::vector<std::uint32_t>;
  using RulesByName = std::unordered_map<std::string, RuleIds, Hash, std::equal_to<>>;

  void Add(const AccessFile::Who& who, std::uint32_t id);

  // Whether `allows` is true of a rule that applies to the caller.
  template <typename Allows>
  bool AnyRule(const Caller& caller, const Allows& allows) const;
  template <typename Allows>
  bool AnyRuleOfCertificate(const PeerCertificate& certificate, const Allows& allows) const;

  std::vector<Rule> rules_;
  RuleIds of_anyone_;
  RuleIds of_login_;
  RulesByName of_user_;
  RulesByName of_token_;
  RulesByName of_certificate_;  // By what a certificate says.
  std::vector<std::pair<std::string, RuleIds>> of_certificate_glob_;
};

}  // namespace target_eye
