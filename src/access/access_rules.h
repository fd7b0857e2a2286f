#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "access/access_file.h"
#include "model/group_key.h"
#include "model/group_set.h"
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

  // What /-/sd may show the caller: the groups of the rules that open the page `sd` to it and,
  // where it is known, of those that let it read. Whoever lost its login must hear of that, and not
  // get the short list of what anybody may read. Never null. Callers of the same rules share one,
  // of which kMaxSets are kept.
  std::shared_ptr<const GroupSet> ListedGroups(const Caller& caller) const;

  static constexpr std::size_t kMaxSets = 64;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
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
  std::vector<GroupSet::Rule> groups_;  // Of each rule, as the file has them.
  RuleIds of_anyone_;
  RuleIds of_login_;
  RulesByName of_user_;
  RulesByName of_token_;
  RulesByName of_certificate_;  // By what a certificate says.
  std::vector<std::pair<std::string, RuleIds>> of_certificate_glob_;

  mutable std::mutex mutex_;
  mutable std::map<RuleIds, std::shared_ptr<const GroupSet>> sets_;
};

}  // namespace target_eye
